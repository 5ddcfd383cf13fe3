/** Whoever redirects gets the key of nobody to another address: over real connections, with the platform's own fetch. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, Redirected } from "../src/index.ts";
import { isv, license } from "./world.ts";

let here: Server;
let elsewhere: Server;
const arrived: string[] = [];
let status = 0;

const addressOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function serving(answer: (path: string, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(({ url = "" }, response) => answer(url, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

beforeAll(async () => {
  elsewhere = await serving((path, response) => {
    arrived.push(path);
    response.end("{}");
  });
  here = await serving((path, response) => response.writeHead(status, { Location: addressOf(elsewhere) + path }).end());
});

afterAll(() => {
  for (const server of [here, elsewhere]) {
    server?.closeAllConnections();
    server?.close();
  }
});

test.each([301, 302, 303, 307, 308])("a %i is told, and sends a key or a token nowhere", async (redirect) => {
  status = redirect;
  const url = addressOf(here);
  const allowed = [{ apiKey: "key" }, { apiKey: "key", admin: true }, { clientToken: async () => "token" }];
  for (const by of allowed) {
    const client = connect({ url, isv, client: "pc-1", ...by });
    for (const asking of [client.tokens(license), client.open({ license, user: "anna" })]) {
      const error = await asking.catch((caught) => caught);
      expect(error).toBeInstanceOf(Redirected);
      expect(error.location.startsWith(`${addressOf(elsewhere)}/api/v2/isv/${isv}/`)).toBe(true);
      expect(error.message).toBe(
        `The server at ${url}, or a proxy before it, redirects to ${error.location}. The key is not sent there. ` +
          `If the server is, set its address to ${addressOf(elsewhere)}`,
      );
    }
  }
  expect(arrived).toEqual([]);
});
