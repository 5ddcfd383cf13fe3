/** Whoever asks a server for a backup or an export waits for it, but not for ever. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { askServer } from "../../src/cli/running-server.ts";
import { readConfig } from "../../src/config.ts";

// Without a bound of ours Node's own would end it, after five seconds.
vi.setConfig({ testTimeout: 4_500 });

const config = readConfig({ SEATKEEPER_OPERATOR_KEY: "a-key-for-the-tests-of-commands" });

let stop = () => {};
afterEach(() => stop());

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The bound is one within which a loaded machine still brings what is sent at once. */
async function readAll(url: string, what: "backup" | "export"): Promise<void> {
  for await (const _ of await askServer(config, url, what, 500));
}

describe.each([
  ["backup", "application/vnd.sqlite3"],
  ["export", "application/jsonl"],
] as const)("for want of a word from the server the %s", (what, type) => {
  const silence = /nothing has come for/;

  test("is given up where it has not begun", async () => {
    const asking = readAll(await serve(() => {}), what);
    await expect(asking).rejects.toMatchObject({
      status: exitCodes.unavailable,
      message: expect.stringMatching(silence),
    });
  });

  test("is given up in the middle, and says so", async () => {
    const url = await serve((_, response) => response.writeHead(200, { "content-type": type }).write("a part"));
    const stopped = /has stopped in the middle: nothing has come for/;
    await expect(readAll(url, what)).rejects.toMatchObject({
      status: exitCodes.unavailable,
      message: expect.stringMatching(stopped),
    });
  });

  test("is given up where a refusal stays a part", async () => {
    const url = await serve((_, response) => response.writeHead(503, { "content-type": "text/html" }).write("<html>"));
    const refused = { status: exitCodes.unavailable, message: expect.stringContaining("answers 503") };
    await expect(readAll(url, what)).rejects.toMatchObject(refused);
  });
});
