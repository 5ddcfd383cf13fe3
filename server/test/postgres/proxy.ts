/** Stands between a server and PostgreSQL, to cut connections: now, or after so many messages of the protocol. */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Which side's messages are counted. */
export type Side = "client" | "server";

export interface PostgresProxy {
  /** The same address, through the proxy. */
  readonly url: string;
  /** Cuts every connection that there is. */
  cut(): void;
  /** Cuts a connection, once, right after this many messages of one side went through, counted over all connections. */
  cutAfter(side: Side, messages: number): void;
  /** How many messages went through since `cutAfter`; it is then over. */
  passed(): number;
  /** From a client's first message with this text on, its connection stands and passes nothing on any more, either way. */
  silenceAt(text: string): void;
  /** Holds back what PostgreSQL answers, or lets it through. */
  hold(isHeld: boolean): void;
  close(): Promise<void>;
}

export async function startProxy(url: string): Promise<PostgresProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let isHeld = false;
  let silencedAt: string | null = null;
  let rule: { readonly side: Side; left: number; passed: number } | null = null;

  const server: Server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const both = [client, upstream];
    upstreams.add(upstream);
    const drop = () => {
      for (const socket of both) socket.destroy();
    };
    for (const socket of both) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", drop);
      socket.on("close", () => {
        sockets.delete(socket);
        upstreams.delete(socket);
        drop();
      });
    }
    const pass = (side: Side, from: Socket, to: Socket) => {
      const split = messagesOf(side);
      from.on("data", (chunk: Buffer) => {
        if (side === "client" && silencedAt !== null && chunk.includes(silencedAt)) {
          silencedAt = null;
          for (const socket of both) socket.removeAllListeners("data").pause();
          return;
        }
        const parts = split(chunk);
        if (rule?.side !== side || rule.left === 0) return void to.write(chunk);
        for (const { bytes, endsMessage } of parts) {
          to.write(bytes);
          if (endsMessage) rule.passed++;
          if (endsMessage && --rule.left === 0) {
            from.removeAllListeners("data");
            // What went through shall arrive: the connection ends behind it.
            to.end(drop);
            return;
          }
        }
      });
    };
    pass("client", client, upstream);
    pass("server", upstream, client);
    if (isHeld) upstream.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    cut,
    cutAfter(side, messages) {
      rule = { side, left: messages, passed: 0 };
    },
    passed() {
      const passed = rule?.passed ?? 0;
      rule = null;
      return passed;
    },
    silenceAt(text) {
      silencedAt = text;
    },
    hold(held) {
      isHeld = held;
      for (const socket of upstreams) {
        if (held) socket.pause();
        else socket.resume();
      }
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Cuts a stream of bytes where the protocol's messages end. Only the client's first message has no letter before its length. */
function messagesOf(side: Side) {
  let isFirst = side === "client";
  let head = Buffer.alloc(0);
  /** Bytes of the message under way that are still to come; null: its head is not whole. */
  let missing: number | null = null;
  return (chunk: Buffer): { bytes: Buffer; endsMessage: boolean }[] => {
    const parts: { bytes: Buffer; endsMessage: boolean }[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (missing === null) {
        const headLength = isFirst ? 4 : 5;
        const wanted = headLength - head.length;
        head = Buffer.concat([head, rest.subarray(0, wanted)]);
        parts.push({ bytes: rest.subarray(0, wanted), endsMessage: false });
        rest = rest.subarray(wanted);
        if (head.length < headLength) break;
        missing = head.readUInt32BE(headLength - 4) - 4;
        head = Buffer.alloc(0);
        isFirst = false;
      }
      const bytes = rest.subarray(0, missing);
      rest = rest.subarray(bytes.length);
      missing -= bytes.length;
      parts.push({ bytes, endsMessage: missing === 0 });
      if (missing === 0) missing = null;
    }
    return parts;
  };
}
