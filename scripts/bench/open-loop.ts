/** Opens at a steady rate, sent when they are due whether or not the ones before were answered: so that no pause hides. */
import { Agent, request } from "node:http";

export interface Pauses {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

/** Between two requests. Shorter than what is looked for. */
const everyMs = 4;

/** More under way at once would be the load generator's own queue: a server that stands still for so long has failed anyway. */
const connectionsMax = 512;

/** One request: a body to be posted to a path. */
export interface Shot {
  readonly path: string;
  readonly body: string;
}

/**
 * Fires until `isOver`, and measures each answer from the instant at which its request was due.
 * @throws Error where an answer is not a 200.
 */
export async function openLoop(
  url: string,
  headers: Readonly<Record<string, string>>,
  shotOf: (n: number) => Shot,
  isOver: () => boolean,
): Promise<Pauses> {
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
  const ms: number[] = [];
  const failures: string[] = [];
  const underWay = new Set<Promise<void>>();
  const began = performance.now();
  for (let n = 0; !isOver() && failures.length === 0; ) {
    const due = began + n * everyMs;
    const wait = due - performance.now();
    if (wait > 0) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      continue;
    }
    const one: Promise<void> = fire(agent, url, headers, shotOf(n++))
      .then(
        () => void ms.push(performance.now() - due),
        (error: Error) => void failures.push(error.message),
      )
      .finally(() => underWay.delete(one));
    underWay.add(one);
  }
  await Promise.all(underWay);
  agent.destroy();
  if (failures.length > 0) throw new Error(`an open failed: ${failures[0]}`);
  ms.sort((a, b) => a - b);
  const at = (share: number) => ms[Math.min(ms.length - 1, Math.floor(ms.length * share))] ?? Number.NaN;
  return { requests: ms.length, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1) };
}

function fire(agent: Agent, url: string, headers: Readonly<Record<string, string>>, shot: Shot): Promise<void> {
  return new Promise((resolve, reject) => {
    const all = { ...headers, "Content-Type": "application/json", "Content-Length": Buffer.byteLength(shot.body) };
    const sent = request(url + shot.path, { method: "POST", agent, headers: all }, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${shot.path}: ${response.statusCode}`));
      });
    });
    sent.on("error", reject);
    sent.end(shot.body);
  });
}
