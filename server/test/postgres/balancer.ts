/** A small TCP balancer on loopback: connections in turn to those servers whose /readyz is 200. */
import { createServer, connect as dial, type Server } from "node:net";

export interface Balancer {
  readonly url: string;
  /** The servers it may use, in place of those before. */
  use(urls: readonly string[]): void;
  close(): Promise<void>;
}

/** Between two looks at /readyz: a server must be there for longer than that after it has said that it stops. */
const lookMs = 100;

export async function startBalancer(urls: readonly string[]): Promise<Balancer> {
  let known = urls;
  let ready = urls;
  let turn = 0;
  const server = createServer((client) => {
    const target = new URL(ready[turn++ % ready.length] ?? "http://127.0.0.1:1");
    const upstream = dial(Number(target.port), target.hostname);
    client.pipe(upstream).pipe(client);
    // Whichever end breaks off, the other one hears of it.
    client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
    upstream.on("error", () => client.destroy()).on("close", () => client.destroy());
  });
  await listen(server);
  const looking = setInterval(async () => {
    const looked = known;
    const states = await Promise.all(looked.map(isReady));
    if (looked === known) ready = looked.filter((_, n) => states[n]);
  }, lookMs);
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    use(others) {
      known = others;
      ready = ready.filter((url) => others.includes(url));
    },
    close() {
      clearInterval(looking);
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
