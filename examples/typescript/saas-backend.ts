/**
 * A backend that speaks for its users: whoever logs in takes a token of the licence of their e-mail domain, as long as
 * their browser is heard of. The browser knows neither the server nor its key, which has scope `backend`.
 *
 *     export SEATKEEPER_URL=http://127.0.0.1:7070
 *     export SEATKEEPER_ISV=2af5fe02-6207-4214-946e-b00ac5309f53
 *     export SEATKEEPER_API_KEY=demo-quickstart-key
 *     node saas-backend.ts b18657cc-1f7c-43fa-e3a4-08da6fa41ad3 8080
 *
 *     curl -d anna@factor.com http://127.0.0.1:8080/login      # answers with a ticket
 *     curl -H 'Ticket: …' http://127.0.0.1:8080/work
 *     curl -H 'Ticket: …' -X POST http://127.0.0.1:8080/logout
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { connect, LicenseDenied, releaseAll, SeatkeeperError, type Session } from "@seatkeeper/client";

/** A browser that was not heard of for so long is gone, and its token is somebody else's. */
const silenceMs = 10 * 60_000;

/** More than any licence has tokens: logins beyond it are refused before they cost anything. */
const ticketsMax = 10_000;

const [product = "", port = "8080"] = process.argv.slice(2);
const seats = connect({ product, client: "web" });
const tickets = new Map<string, { readonly session: Session; heardAt: number }>();

/** The licence's legacy key is the customer's mail domain. */
async function login(address: string): Promise<string> {
  if (tickets.size >= ticketsMax) throw new SeatkeeperError("too many users are logged in");
  const domain = address.trim().split("@").at(-1) ?? "";
  const licenses = await seats.licensesByKey(domain);
  const license = licenses.find((found) => found.is_valid) ?? licenses[0];
  const session = await seats.open({ license: license?.id ?? "", user: address.trim(), wait: 2 });
  const ticket = randomUUID();
  tickets.set(ticket, { session, heardAt: Date.now() });
  session.lost.addEventListener("abort", () => tickets.delete(ticket));
  return ticket;
}

function work(ticket: string): string {
  const login = tickets.get(ticket);
  if (login === undefined) throw new SeatkeeperError("log in first");
  login.session.require();
  login.heardAt = Date.now();
  return `${login.session.user} may work`;
}

async function logout(ticket: string): Promise<string> {
  const login = tickets.get(ticket);
  tickets.delete(ticket);
  await login?.session.close();
  return "logged out";
}

setInterval(() => {
  const silent = [...tickets].filter(([, { heardAt }]) => Date.now() - heardAt > silenceMs);
  for (const [ticket] of silent) void logout(ticket);
}, 60_000).unref();

async function answer(request: IncomingMessage): Promise<string> {
  const ticket = String(request.headers.ticket);
  if (request.url === "/login") return login(await text(request));
  if (request.url === "/work") return work(ticket);
  if (request.url === "/logout") return logout(ticket);
  throw new SeatkeeperError("there is no such page");
}

const server = createServer(async (request, response) => {
  try {
    response.end(await answer(request));
  } catch (error) {
    // 402: the licence says no. 503: ask again. Users are told the reason, the operator reads the rest.
    const status = error instanceof LicenseDenied ? 402 : 503;
    if (!(error instanceof SeatkeeperError)) console.error(error);
    response.writeHead(status).end(error instanceof SeatkeeperError ? error.message : "something is broken");
  }
});
server.listen(Number(port), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

// What is not closed keeps its token until it lapses.
process.once("SIGTERM", async () => {
  server.close();
  console.log(`${await releaseAll()} tokens given back`);
  process.exit(0);
});
