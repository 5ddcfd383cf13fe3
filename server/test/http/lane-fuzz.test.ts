/**
 * Streams of requests, changed, cut and split at random, go to a server with the fast lane and to one without it: the
 * answers must be the same, byte for byte. `SEED=…` repeats a run, `STREAMS=…` sets its length.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { patience } from "../../src/http/limits.ts";
import { type Demo, isv, keys, licenses, startDemo } from "./demo.ts";
import { host, jsonLine, key, lengthLine, openPath, rawOpen } from "./raw.ts";

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
/** Most streams end by a time-out: so many wait for it together. */
const streamsAtOnce = 50;
const rounds = Math.ceil(Number(process.env.STREAMS ?? 1600) / streamsAtOnce);

/** Streams that break off wait for these times, so they are short; checked often, so that they are about these. */
const short = {
  ...patience,
  headersTimeoutMs: 300,
  requestTimeoutMs: 300,
  keepAliveTimeoutMs: 300,
  keepAliveBufferMs: 0,
  connectionsCheckingIntervalMs: 20,
};

let withLane: Demo;
let without: Demo;
/** Requests that each server's `node:http` was given. */
const given = new Map<Demo, number>();

beforeAll(async () => {
  [withLane, without] = await Promise.all([
    startDemo({ patience: short }),
    startDemo({ patience: short, shell: "hot" }),
  ]);
  for (const demo of [withLane, without]) {
    given.set(demo, 0);
    demo.app.server.on("request", () => given.set(demo, (given.get(demo) ?? 0) + 1));
  }
});
afterAll(() => Promise.all([withLane.stop(), without.stop()]));

const post = (path: string, body: string, ...more: string[]) =>
  rawOpen([host, key, jsonLine, ...more, lengthLine(body)], body, path).toString("latin1");
const anna = JSON.stringify({ license_id: licenses.users, client_id: "anna@factor.com" });
const nobody = JSON.stringify({ license_id: isv, client_id: "jörg@factor.com" });
const closePath = openPath.replace("open", "close");

/** None depends on what others do meanwhile: an extend, and what is denied or refused anyway. */
const requests = [
  post(openPath, anna),
  post(openPath, anna, "User-Agent: x/1", "Accept: application/problem+json"),
  post(openPath.slice("/api/v2".length), anna),
  post(openPath, nobody),
  post(closePath, nobody, "Connection: keep-alive"),
  post(openPath.replace("open", "batch"), `{"items":[{"op":"open",${anna.slice(1)}]}`),
  post(openPath, "{"),
  rawOpen([host, `AdminKey: ${keys.plain}`, jsonLine, lengthLine(anna)], anna).toString("latin1"),
  rawOpen([host, key, jsonLine, "Transfer-Encoding: chunked"], `5\r\n${anna.slice(0, 5)}\r\n0\r\n\r\n`).toString(
    "latin1",
  ),
  "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
];

/** What is put into heads, because it means something to somebody. */
const pieces = [
  "\r\n", "\n", "\r", "\r\n\r\n", "\0", " ", "\t", ":", ",", ";", "\r\n ", "0", "-", "+", "1", "é", "\x7f",
  "\r\nTransfer-Encoding: chunked", "\r\nTransfer-Encoding : chunked", "\r\nContent-Length: 5", "\r\nContent-Length: 0",
  "\r\nConnection: close", "\r\nProxy-Connection: close", "\r\nConnection: Upgrade\r\nUpgrade: h2c", "\r\nHost: b",
  "\r\nExpect: 100-continue", "\r\nTrailer: X-A", "\r\nX-A: b", "\r\nX-A:b", "\r\nX-Nonce: a", `\r\n${key}`,
]; // biome-ignore format: a table

/** A place in a text, as a share of it, the beginning no likelier than the end. */
const somewhere = fc.noBias(fc.integer({ min: 0, max: 999_999 })).map((n) => n / 1_000_000);

interface Change {
  readonly at: number;
  readonly cut: number;
  readonly put: string;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: somewhere,
  cut: fc.oneof(fc.constant(0), fc.constant(1), fc.integer({ min: 0, max: 30 })),
  put: fc.oneof(
    fc.constantFrom(...pieces),
    fc.constant(""),
    fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)),
  ),
});

const request = fc
  .tuple(
    fc.constantFrom(...requests),
    fc.oneof(
      { weight: 5, arbitrary: fc.constant([]) },
      { weight: 3, arbitrary: fc.array(change, { minLength: 1, maxLength: 2 }) },
    ),
  )
  .map(([text, changes]) => changes.reduce(applied, text));

/** Most changes go to the head, where lines begin and end. */
function applied(text: string, { at, cut, put }: Change): string {
  const breaks = [...text.matchAll(/\r\n|: | |$/g)].map(({ index }) => index);
  const place = put.startsWith("\r\n")
    ? (breaks[Math.floor(at * (breaks.length - 1))] ?? 0)
    : Math.floor(at * text.length);
  return text.slice(0, place) + put + text.slice(place + cut);
}

/** Turns of the loop for which a piece waits for an answer to the one before: none, one in which it is read, or many. */
const paces = [0, 3, 50] as const;

interface Stream {
  readonly chunks: readonly string[];
  readonly turns: number;
}

/** After this one the server closes, if it still listens. */
const last = "DELETE /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

const stream: fc.Arbitrary<Stream> = fc
  .record({
    texts: fc.array(request, { minLength: 1, maxLength: 4 }),
    isSplitByRequest: fc.constantFrom(true, true, false),
    cuts: fc.oneof(fc.constant([]), fc.constant([]), fc.array(somewhere, { maxLength: 3 })),
    turns: fc.constantFrom(...paces),
  })
  .map(({ texts, isSplitByRequest, cuts, turns }) => {
    const all = [...texts, last];
    const each = (text: string, n: number) => split(text, cuts.slice(n, n + 1));
    return { chunks: isSplitByRequest ? all.flatMap(each) : split(all.join(""), cuts), turns };
  });

function split(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * text.length)).toSorted((a, b) => a - b), text.length];
  return places
    .slice(1)
    .map((end, n) => text.slice(places[n], end))
    .filter((piece) => piece !== "");
}

/** Sends the pieces and reads until the server closes: it does, because what stands still is timed. */
function answersOf({ port }: Demo, { chunks, turns }: Stream): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let text = "";
    socket.setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("close", () => resolve(text));
    void sendAll();
    async function sendAll() {
      // Until the server has the connection: it is in this process, and on its loop.
      await once(socket, "connect");
      for (let turn = 0; turn < 3; turn++) await setImmediate();
      for (const chunk of chunks) {
        if (socket.writable) await new Promise<void>((sent) => socket.write(chunk, "latin1", () => sent()));
        const before = text;
        for (let turn = 0; turn < turns && text === before; turn++) await setImmediate();
      }
    }
  });
}

/** Without what differs for good reason: times of day, ids of requests, and peaks, which depend on who was faster. */
const steady = (text: string) =>
  text.replace(/^(Date|X-Request-Id): .*\r$/gm, "$1: …").replace(/"max_[a-z_]+":\d+/g, '"max":…');

const refusal =
  /HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\nContent-Length: \d+\r\nConnection: close\r\n/;

const reachedEnd = (answers: string) => answers.includes("Allow: GET, HEAD") && answers.includes("Connection: close");

/**
 * Garbage behind requests ends a connection before or behind their answers, with a 400 or without one, as it happens to
 * come before or behind them: on every server. What was answered by then must be the same, and the end of the stream
 * must not have been reached by one alone.
 */
function isCutShort(ours: string, theirs: string): boolean {
  const [a, b] = [ours, theirs].map((text) => text.split(refusal, 1)[0] as string) as [string, string];
  const [shorter, longer] = a.length < b.length ? [a, b] : [b, a];
  return ours !== theirs && longer.startsWith(shorter) && !reachedEnd(longer);
}

/** Both servers' answers to one stream. */
async function bothAnswers(one: Stream): Promise<[string, string]> {
  const [ours, theirs] = await Promise.all([withLane, without].map((demo) => answersOf(demo, one)));
  return [steady(ours ?? ""), steady(theirs ?? "")];
}

test(`a server with the lane answers every stream as one without it does (SEED=${seed})`, async () => {
  let cutShort = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(stream, { minLength: streamsAtOnce, maxLength: streamsAtOnce }), async (streams) => {
      const answers = await Promise.all(streams.map(bothAnswers));
      for (const [n, one] of streams.entries()) {
        let [ours, theirs] = answers[n] as [string, string];
        if (isCutShort(ours, theirs)) cutShort++;
        // On a busy machine a time-out may have come between two pieces, in one server alone: a difference has to last.
        else if (ours !== theirs) [ours, theirs] = await bothAnswers(one);
        if (!isCutShort(ours, theirs)) expect(ours, JSON.stringify(one)).toBe(theirs);
      }
    }),
    { seed, numRuns: rounds, endOnFailure: true },
  );
  expect(cutShort).toBeLessThan((rounds * streamsAtOnce) / 10);
  const [toLaneServer, toOther] = [withLane, without].map((demo) => given.get(demo) ?? 0) as [number, number];
  // The lane was there, and not for everything: otherwise nothing was compared.
  expect(toLaneServer).toBeGreaterThan(3 * rounds);
  expect(toOther - toLaneServer).toBeGreaterThan(3 * rounds);
});
