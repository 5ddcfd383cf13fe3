/** The fast lane: what it serves itself, what it leaves to `node:http`, and how its connections live and end. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import type { Desk } from "../../src/desk/desk.ts";
import { patience } from "../../src/http/limits.ts";
import { type Demo, type DemoOptions, isv, keys, licenses, startDemo } from "./demo.ts";
import { host, jsonLine, key, lengthLine, openPath, raw, rawOpen, statusOf } from "./raw.ts";

const running: { stop(): Promise<void> }[] = [];
afterEach(() => Promise.all(running.splice(0).map((demo) => demo.stop())));

/** A server, and how many requests `node:http` was given of it. */
async function start(options: DemoOptions = {}): Promise<Demo & { readonly toNodeHttp: () => number }> {
  const demo = await startDemo(options);
  let requests = 0;
  demo.app.server.on("request", () => requests++);
  running.push(demo);
  return { ...demo, toNodeHttp: () => requests };
}

const user = (name = "anna@factor.com") => JSON.stringify({ license_id: licenses.users, client_id: name });
const anna = user();
const lines = [host, key, jsonLine];
const open = (body = anna) => rawOpen([...lines, lengthLine(body)], body);
/** An open that finds nothing in its catalogue: it may be sent any number of times. */
const denied = JSON.stringify({ license_id: isv, client_id: "anna@factor.com" });

/** A client that reads what comes; `whole` resolves with the answers once so many are there. */
class Client {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  #text = "";
  #told = () => {};

  /** Once the server has the connection too, so that what is sent apart is read apart. */
  static async of({ app, port }: Demo): Promise<Client> {
    const accepted = once(app.server, "connection");
    const client = new Client(connect({ port, host: "127.0.0.1", noDelay: true }));
    await Promise.all([accepted, once(client.socket, "connect")]);
    return client;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    this.socket.on("data", (chunk) => {
      this.#text += chunk.toString("latin1");
      this.#told();
    });
    this.socket.on("error", () => {});
    this.closed = once(this.socket, "close");
  }

  get text(): string {
    return this.#text;
  }

  /** Sends pieces one by one, each when the one before was read: the server is in this process, and on its loop. */
  async send(...pieces: (Buffer | string)[]): Promise<void> {
    for (const piece of pieces) {
      await new Promise<void>((resolve) => this.socket.write(piece, () => resolve()));
      for (let turn = 0; turn < 2; turn++) await setImmediate();
    }
  }

  async statuses(count: number): Promise<number[]> {
    for (;;) {
      const found = statusesIn(this.#text);
      if (found.length >= count) return found;
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
    }
  }
}

/** The statuses of whole answers, one behind the other; nothing else may be between them. */
function statusesIn(text: string): number[] {
  const statuses: number[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\r\n\r\n", at);
    if (end < 0) break;
    const head = text.slice(at, end);
    expect(head).toMatch(/^HTTP\/1\.1 \d{3} /);
    const next = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (next > text.length) break;
    statuses.push(statusOf(head));
    at = next;
  }
  return statuses;
}

describe("what the lane serves itself", () => {
  const halves = (bytes: Buffer, at: number) => [bytes.subarray(0, at), bytes.subarray(at)];
  const headEnd = open().indexOf("\r\n\r\n") + 4;

  test.each<[string, (Buffer | string)[]]>([
    ["an open", [open()]],
    ["head and body written apart", halves(open(), headEnd)],
    ["a body that comes in pieces", [open().subarray(0, headEnd), ...Array.from(anna)]],
    ["a body that comes with its head, but for one byte", halves(open(), open().length - 1)],
    ["names that are not ASCII", [open(user("jürgen.müller@factor.com 🙂"))]],
    ["headers that concern nobody", [rawOpen([...lines, "User-Agent: x/1.0 (y; z)", lengthLine(anna)], anna)]],
    ["what proxies add", [rawOpen([...lines, "X-Forwarded-For: 10.0.0.1, ::1", lengthLine(anna)], anna)]],
    ["a connection to be kept", [rawOpen([...lines, "Connection: Keep-Alive", lengthLine(anna)], anna)]],
    ["a refused key", [rawOpen([host, "ProvisioningKey: nobody", jsonLine, lengthLine(anna)], anna)]],
    ["a body that is no JSON", [open("{")]],
  ])("%s", async (_name, pieces) => {
    const demo = await start();
    const client = await Client.of(demo);
    await client.send(...pieces);
    await client.statuses(1);
    await client.send(open());
    expect((await client.statuses(2))[1]).toBe(200);
    expect(demo.toNodeHttp()).toBe(0);
    client.socket.destroy();
  });

  test("answers of a batch, one a connection, while other connections wait for their bodies", async () => {
    const demo = await start();
    const clients: Client[] = [];
    for (let n = 0; n < 20; n++) clients.push(await Client.of(demo));
    await Promise.all(clients.map((client, n) => client.send(open(denied).subarray(0, n % 2 === 0 ? undefined : -5))));
    const ready = clients.filter((_, n) => n % 2 === 0);
    expect(await Promise.all(ready.map((client) => client.statuses(1)))).toEqual(ready.map(() => [409]));
    expect(demo.toNodeHttp()).toBe(0);
    for (const { socket } of clients) socket.destroy();
  });
});

describe("what is left to node:http", () => {
  const body = (...more: string[]) => rawOpen([...lines, ...more, lengthLine(anna)], anna);
  const wrongKey = rawOpen([host, "ProvisioningKey: nobody", jsonLine, lengthLine(anna)], anna);
  const altered = (from: string, to: string) => Buffer.from(open().toString().replace(from, to));

  test.each<[string, (Buffer | string)[]]>([
    ["two requests at once", [Buffer.concat([open(), open()])]],
    ["a head in two pieces", [open().subarray(0, 50), open().subarray(50)]],
    ["a body that is longer than announced", [Buffer.concat([open(), Buffer.from("x")])]],
    [
      "a chunked body",
      [rawOpen([...lines, "Transfer-Encoding: chunked"], `${anna.length.toString(16)}\r\n${anna}\r\n0\r\n\r\n`)],
    ],
    ["a length and chunks", [body("Transfer-Encoding: chunked")]],
    ["two lengths", [body(lengthLine(anna))]],
    ["a length with a plus", [altered("Content-Length: ", "Content-Length: +")]],
    ["a length with a zero before it", [altered("Content-Length: ", "Content-Length: 0")]],
    ["a length of nothing", [rawOpen([...lines, "Content-Length: 0"], "")]],
    ["a connection to be closed", [body("Connection: close")]],
    ["a proxy's connection", [body("Proxy-Connection: close")]],
    ["an upgrade", [body("Connection: Upgrade", "Upgrade: h2c")]],
    ["an expectation", [body("Expect: 100-continue")]],
    ["a folded line", [body("X-Odd: a\r\n b")]],
    ["a bare line feed", [altered("\r\nHost", "\nHost")]],
    ["a line feed inside a value", [body("X-Odd: a\nX-More: b")]],
    ["NUL", [body("X-Odd: a\0b")]],
    ["a tab", [body("X-Odd: a\tb")]],
    ["a byte beyond ASCII", [body("X-Odd: \u00e4")]],
    ["no blank before a value", [altered("Host: ", "Host:")]],
    ["two blanks before a value", [altered("Host: ", "Host:  ")]],
    ["a blank behind a value", [altered("127.0.0.1\r\n", "127.0.0.1 \r\n")]],
    ["a blank before a colon", [altered("Host:", "Host :")]],
    ["an empty value", [body("X-Odd: ")]],
    ["no host", [rawOpen([key, jsonLine, lengthLine(anna)], anna)]],
    ["two hosts", [body("Host: elsewhere")]],
    ["two keys", [body(key)]],
    ["an old version", [altered("HTTP/1.1", "HTTP/1.0")]],
    ["a method in lower case", [altered("POST", "post")]],
    ["a line break before the request", [Buffer.concat([Buffer.from("\r\n"), open()])]],
    ["an address with a query", [altered("/open ", "/open?a=1 ")]],
    ["another route", ["GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"]],
    ["a wrong key, before its body", [wrongKey.subarray(0, -5), wrongKey.subarray(-5)]],
    ["a head of 5 KB", [body(`X-Long: ${"x".repeat(5_000)}`)]],
    ["more header lines than are read", [body(...Array.from({ length: 98 }, (_, n) => `X-${n}: x`))]],
    ["a body that is too large", [open(`"${"x".repeat(70_000)}"`)]],
    ["TLS", [Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0x0d, 0x0a])]],
  ])("%s: the same answers as without the lane", async (_name, pieces) => {
    const answers: string[] = [];
    for (const shell of ["lane", "hot"] as const) {
      const demo = await start({ shell });
      const client = await Client.of(demo);
      await client.send(...pieces);
      await Promise.race([client.statuses(1), client.closed]);
      // The connection is node:http's now: whatever comes next is answered there, if it is kept at all.
      await client.send("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      await client.closed;
      const given = demo.toNodeHttp();
      answers.push(`${given} requests\n${client.text}`.replace(/^(Date|X-Request-Id): .*\r$/gm, "$1: …"));
    }
    expect(answers[0]).toBe(answers[1]);
    expect(answers[0]).toContain("HTTP/1.1 ");
  });
});

test.each([
  ["asks for a signature", 'Accept-Signature: sig=("@status" "content-digest");keyid="x"'],
  ["comes with a client token", "Authorization: Bearer a.b.c"],
])("a request that %s is Fastify's, and so is what follows on its connection", async (_name, line) => {
  const demo = await start();
  const client = await Client.of(demo);
  await client.send(rawOpen([...lines, line, lengthLine(anna)], anna));
  await client.statuses(1);
  await client.send(open());
  expect((await client.statuses(2))[1]).toBe(200);
  expect(demo.toNodeHttp()).toBe(2);
  client.socket.destroy();
});

/** A desk that keeps what is submitted until it is let go. */
function holding(): { readonly wrap: NonNullable<DemoOptions["wrap"]>; readonly submitted: Promise<void>; go(): void } {
  let let_go = () => {};
  const gone = new Promise<void>((resolve) => {
    let_go = resolve;
  });
  let told = () => {};
  const submitted = new Promise<void>((resolve) => {
    told = resolve;
  });
  const wrap: NonNullable<DemoOptions["wrap"]> = ({ desk }) => ({
    desk: Object.assign(Object.create(desk), {
      submit(...job: Parameters<Desk["submit"]>) {
        told();
        void gone.then(() => desk.submit(...job));
      },
    }),
  });
  return { wrap, submitted, go: let_go };
}

describe("one request at a time", () => {
  test("what comes before the answer waits for it, and is node:http's then", async () => {
    const { wrap, submitted, go } = holding();
    const demo = await start({ wrap });
    const client = await Client.of(demo);
    await client.send(open());
    await submitted;
    await client.send(open("{"), open(denied).subarray(0, 100), open(denied).subarray(100));
    expect(client.text).toBe("");
    go();
    expect(await client.statuses(3)).toEqual([200, 400, 409]);
    expect(demo.toNodeHttp()).toBe(2);
    client.socket.destroy();
  });

  test("a client that has not read its answer is node:http's, and gets all its answers once it reads", async () => {
    const demo = await start();
    const accepted = once(demo.app.server, "connection") as Promise<[Socket]>;
    const client = await Client.of(demo);
    const [ours] = await accepted;
    client.socket.pause();
    // Each answer has some 200 KB.
    const batch = JSON.stringify({ items: Array.from({ length: 800 }, () => 0) });
    const request = rawOpen([...lines, lengthLine(batch)], batch, openPath.replace("open", "batch"));
    let sent = 0;
    while (ours.writableLength === 0) {
      const before = ours.bytesWritten;
      await client.send(request);
      sent++;
      while (ours.bytesWritten === before) await setImmediate();
    }
    expect(demo.toNodeHttp()).toBe(0);
    await client.send(request);
    while (demo.toNodeHttp() === 0) await setImmediate();
    client.socket.resume();
    expect(await client.statuses(sent + 1)).toEqual(Array.from({ length: sent + 1 }, () => 200));
    client.socket.destroy();
  });
});

describe("keys", () => {
  test("one that is switched off stops at once, also on a connection that used it", async () => {
    const demo = await start();
    const client = await Client.of(demo);
    await client.send(open());
    await client.statuses(1);
    const known = [...(demo.store.catalog.vendor(isv)?.keys.values() ?? [])].find(({ name }) => name === keys.plain);
    if (known === undefined) throw new Error("the demo has no such key");
    for (const isActive of [false, true]) {
      const body = { ...known, is_active: isActive };
      await demo.store.saveCatalog([{ isvId: isv, kind: "key", id: known.id, body, applied: null }]);
      await client.send(open());
      await client.statuses(isActive ? 3 : 2);
    }
    expect(await client.statuses(3)).toEqual([200, 401, 200]);
    expect(demo.toNodeHttp()).toBe(0);
    client.socket.destroy();
  });

  test("a connection may change its key, its route and its body's length from request to request", async () => {
    const demo = await start();
    const client = await Client.of(demo);
    const requests = Array.from({ length: 20 }, (_, n) => {
      const body = user(`anna.${"x".repeat(n)}@factor.com`);
      const own = n % 3 === 0 ? `ProvisioningKey: ${keys.boundToLicense}` : key;
      return rawOpen([host, own, jsonLine, lengthLine(body)], body, n % 2 === 0 ? openPath : closePath);
    });
    const statuses: number[] = [];
    for (const [n, request] of requests.entries()) {
      await client.send(request);
      statuses.push((await client.statuses(n + 1))[n] as number);
    }
    // The bound key may not; the first two others open; all closes but those name a client without a session.
    expect(statuses.map((status, n) => (n % 3 === 0 ? status === 403 : status !== 403))).toEqual(
      requests.map(() => true),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(2);
    expect(demo.toNodeHttp()).toBe(0);
    client.socket.destroy();
  });
});

const closePath = openPath.replace("open", "close");

describe("time", () => {
  const short = {
    ...patience,
    headersTimeoutMs: 100,
    requestTimeoutMs: 100,
    keepAliveTimeoutMs: 100,
    keepAliveBufferMs: 0,
    connectionsCheckingIntervalMs: 20,
  };

  test.each<[string, Buffer | string, number[]]>([
    ["says nothing", "", [408]],
    ["stops within its head", open().subarray(0, 100), [408]],
    ["stops before its body", open().subarray(0, open().indexOf("\r\n\r\n") + 4), [408]],
    ["stops within its body", open().subarray(0, -1), [408]],
    ["is done", open(), [200]],
  ])("a client that %s is let go, as by node:http", async (_name, bytes, statuses) => {
    for (const shell of ["lane", "hot"] as const) {
      const demo = await start({ shell, patience: short });
      const client = await Client.of(demo);
      if (bytes.length > 0) await client.send(bytes);
      await client.closed;
      expect(statusesIn(client.text)).toEqual(statuses);
    }
  });

  test("a decision may take its time", async () => {
    const { wrap, submitted, go } = holding();
    const demo = await start({ wrap, patience: short });
    const client = await Client.of(demo);
    await client.send(open());
    await submitted;
    // A silent connection that comes later is gone: the times of this one have passed as well.
    await (await Client.of(demo)).closed;
    go();
    expect(await client.statuses(1)).toEqual([200]);
    client.socket.destroy();
  });
});

describe("ends", () => {
  test.each<[string, Buffer | string]>([
    ["before a request", ""],
    ["within a head", open().subarray(0, 60)],
    ["within a body", open().subarray(0, -1)],
  ])("a client that ends its side %s is answered as by node:http", async (_name, bytes) => {
    const answers: string[] = [];
    for (const shell of ["lane", "hot"] as const) {
      const demo = await start({ shell });
      const client = await Client.of(demo);
      if (bytes.length > 0) await client.send(bytes);
      client.socket.end();
      await client.closed;
      answers.push(client.text.replace(/^(Date|X-Request-Id): .*\r$/gm, "$1: …"));
    }
    expect(answers[0]).toBe(answers[1]);
  });

  test("clients that break off leave nothing behind", async () => {
    const demo = await start();
    for (const bytes of [open(), open().subarray(0, -1), open().subarray(0, 60), Buffer.alloc(0)]) {
      const client = await Client.of(demo);
      await client.send(bytes);
      client.socket.resetAndDestroy();
      await client.closed;
    }
    const connections = () => new Promise<number>((resolve) => demo.app.server.getConnections((_e, n) => resolve(n)));
    while ((await connections()) > 0) await setImmediate();
    expect(statusOf(await raw(demo.port, open(denied)))).toBe(409);
  });
});

describe("stop", () => {
  test("closes what is idle at once", async () => {
    const demo = await startDemo();
    const clients = [await Client.of(demo), await Client.of(demo)];
    const [first, second] = clients as [Client, Client];
    await first.send(open());
    await second.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    await Promise.all(clients.map((client) => client.statuses(1)));
    await demo.stop();
    await Promise.all(clients.map(({ closed }) => closed));
  });

  test("waits for what is being decided, and closes behind the answer", async () => {
    const { wrap, submitted, go } = holding();
    const demo = await startDemo({ wrap });
    const client = await Client.of(demo);
    await client.send(open());
    await submitted;
    const stopped = demo.stop();
    go();
    await client.closed;
    expect(statusesIn(client.text)).toEqual([200]);
    await stopped;
  });

  test("does not wait for ever", async () => {
    const { wrap, submitted } = holding();
    const demo = await startDemo({ wrap, patience: { ...patience, stopMs: 50 } });
    const client = await Client.of(demo);
    await client.send(open());
    await submitted;
    await demo.stop();
    await client.closed;
    expect(client.text).toBe("");
  });

  test("under load every request is answered whole or not at all", async () => {
    const demo = await startDemo();
    const clients: Client[] = [];
    for (let n = 0; n < 30; n++) clients.push(await Client.of(demo));
    for (const client of clients) {
      // Extends the session as fast as it is answered.
      client.socket.on("data", () => void client.socket.write(open()));
      client.socket.write(open());
    }
    await Promise.all(clients.map((client) => client.statuses(5)));
    await demo.stop();
    await Promise.all(clients.map(({ closed }) => closed));
    for (const { text } of clients) {
      expect(new Set(statusesIn(text))).toEqual(new Set([200]));
      expect(text.endsWith("}")).toBe(true);
    }
  });
});
