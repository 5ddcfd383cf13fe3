/** What is asked of each server: opens, extends, denials, opens with their closes. */
import { Connection } from "./connection.ts";
import { type Act, requestOf, type ServerFile } from "./server-file.ts";

export interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export const caseNames = ["open", "extend", "denial", "open + close"] as const;
export type CaseName = (typeof caseNames)[number];

/** Connections that fill and empty a pool, where nothing is measured. */
const fillers = 32;

/** Of answers that were not what the case is about, one in a thousand is chance. */
const unexpectedMax = 0.001;

/** Holders that each connection uses in turn, where they come and go. */
const visitorsEach = 100;

/** A pool of one server, with so many tokens. */
export class Pool {
  readonly #server: ServerFile;
  readonly #name: string;
  readonly #tokens: number;

  constructor(server: ServerFile, tokens: number) {
    const name = server.pools[tokens];
    if (name === undefined) throw new Error(`${server.name}: its file names no pool of ${tokens}`);
    this.#server = server;
    this.#name = name;
    this.#tokens = tokens;
  }

  /** All four cases, one after the other, over so many connections. Leaves the pool empty. */
  async measure(connections: number, seconds: number): Promise<Record<CaseName, Figures>> {
    const all = await connectAll(this.#server, connections);
    try {
      await this.#empty();
      const open = await this.#opens(all, seconds);
      const extend = await this.#run(all, seconds, "extend", (n) => this.#holder(n % this.#tokens), "granted");
      const denial = await this.#run(all, seconds, "open", (n) => `late-${this.#tokens}-${n % this.#tokens}`, "denied");
      await this.#empty();
      return { open, extend, denial, "open + close": await this.#comeAndGo(all, seconds) };
    } finally {
      for (const connection of all) connection.close();
    }
  }

  #holder(n: number): string {
    return `peer-${this.#tokens}-${n}`;
  }

  #request(act: Act, holder: string): Buffer {
    return requestOf(this.#server, act, this.#name, holder);
  }

  /** Takes all tokens again and again, and counts the opens alone. */
  async #opens(connections: readonly Connection[], seconds: number): Promise<Figures> {
    const requests = Array.from({ length: this.#tokens }, (_, n) => this.#request("open", this.#holder(n)));
    const ms: number[] = [];
    let measuredMs = 0;
    for (;;) {
      const began = performance.now();
      await drain(connections, requests, this.#expect("open", "granted"), ms);
      measuredMs += performance.now() - began;
      if (measuredMs >= seconds * 1_000) return figuresOf(ms, measuredMs);
      await this.#empty();
    }
  }

  async #run(
    connections: readonly Connection[],
    seconds: number,
    act: Act,
    holderOf: (n: number) => string,
    expected: "granted" | "denied",
  ): Promise<Figures> {
    const requests = Array.from({ length: this.#tokens }, (_, n) => this.#request(act, holderOf(n)));
    const expect = this.#expect(act, expected);
    let n = 0;
    return timed(connections, seconds, async (connection) => {
      expect(await connection.ask(requests[n++ % requests.length] as Buffer));
    });
  }

  /** Each connection opens and closes holders of its own, so that no two want the same token. */
  async #comeAndGo(connections: readonly Connection[], seconds: number): Promise<Figures> {
    const expectOpen = this.#expect("open", "granted");
    const expectClose = this.#expect("close", "granted");
    const visits = connections.map((_, own) =>
      Array.from({ length: visitorsEach }, (_, n) => {
        const holder = `guest-${this.#tokens}-${own}-${n}`;
        return { open: this.#request("open", holder), close: this.#request("close", holder) };
      }),
    );
    const counts = connections.map(() => 0);
    return timed(connections, seconds, async (connection, own) => {
      const visit = visits[own]?.[Math.floor((counts[own] as number) / 2) % visitorsEach];
      const isOpen = (counts[own] as number) % 2 === 0;
      counts[own] = (counts[own] as number) + 1;
      if (visit === undefined) throw new Error("every connection has its visitors");
      (isOpen ? expectOpen : expectClose)(await connection.ask(isOpen ? visit.open : visit.close));
    }).finally(() => this.#leave(visits, counts, connections));
  }

  /** Whoever came last has not gone yet. */
  async #leave(
    visits: readonly (readonly { readonly close: Buffer }[])[],
    counts: readonly number[],
    connections: readonly Connection[],
  ): Promise<void> {
    for (const [own, connection] of connections.entries()) {
      const count = counts[own] as number;
      const visit = visits[own]?.[Math.floor(count / 2) % visitorsEach];
      if (count % 2 === 1 && visit !== undefined) await connection.ask(visit.close);
    }
  }

  /** Gives back whatever is taken; a close of nothing is no fault here. */
  async #empty(): Promise<void> {
    const requests = Array.from({ length: this.#tokens }, (_, n) => this.#request("close", this.#holder(n)));
    const all = await connectAll(this.#server, fillers);
    await drain(all, requests, () => {}, []);
    for (const connection of all) connection.close();
  }

  /** Throws as soon as more answers than chance has are not the expected ones. */
  #expect(act: Act, outcome: "granted" | "denied"): (status: number) => void {
    const wanted = this.#server[act][outcome];
    let [answers, wrong] = [0, 0];
    return (status) => {
      answers++;
      if (status === wanted) return;
      wrong++;
      if (wrong > Math.max(1, answers * unexpectedMax)) {
        throw new Error(`${this.#server.name}, ${act} in a pool of ${this.#tokens}: ${status} instead of ${wanted}`);
      }
    };
  }
}

function connectAll(server: ServerFile, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.to(server.address)));
}

/** Sends every request once, over all connections. */
async function drain(
  connections: readonly Connection[],
  requests: readonly Buffer[],
  expect: (status: number) => void,
  ms: number[],
): Promise<void> {
  let n = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (n < requests.length) {
        const request = requests[n++] as Buffer;
        const before = performance.now();
        expect(await connection.ask(request));
        ms.push(performance.now() - before);
      }
    }),
  );
}

/** Has every connection ask one thing after the other until time is up. */
async function timed(
  connections: readonly Connection[],
  seconds: number,
  askOnce: (connection: Connection, own: number) => Promise<void>,
): Promise<Figures> {
  const ms: number[] = [];
  const began = performance.now();
  await Promise.all(
    connections.map(async (connection, own) => {
      for (let before = began; before - began < seconds * 1_000; ) {
        await askOnce(connection, own);
        const after = performance.now();
        ms.push(after - before);
        before = after;
      }
    }),
  );
  return figuresOf(ms, performance.now() - began);
}

function figuresOf(ms: number[], lastedMs: number): Figures {
  ms.sort((a, b) => a - b);
  const at = (share: number) => ms[Math.min(ms.length - 1, Math.floor(ms.length * share))] ?? Number.NaN;
  return { perSecond: (ms.length / lastedMs) * 1_000, p50Ms: at(0.5), p99Ms: at(0.99) };
}
