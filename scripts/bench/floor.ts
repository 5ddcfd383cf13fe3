/**
 * The floors: a bare node:http server that reads a JSON body and answers the same bytes as an extend would: where it is
 * read; after it is on disk (`append`); or together with all that came in the same turn of the event loop (`deferred`).
 */
import { fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const [, , kind, answerFile, logFile] = process.argv as [string, string, string, string, string];
const answer = JSON.parse(readFileSync(answerFile, "utf8")) as object;
const log = kind === "append" ? openSync(logFile, "a") : null;

let waiting: ServerResponse[] = [];

/** At the end of this turn, with whoever else is read in it. */
function respondLater(response: ServerResponse): void {
  waiting.push(response);
  if (waiting.length > 1) return;
  setImmediate(() => {
    const all = waiting;
    waiting = [];
    for (const each of all) respond(each);
  });
}

function respond(response: ServerResponse): void {
  const bytes = JSON.stringify(answer);
  response.writeHead(200, ["Content-Type", "application/json", "Content-Length", String(Buffer.byteLength(bytes))]);
  response.end(bytes);
}

const server = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => (text += chunk));
  request.on("end", () => {
    const body = JSON.parse(text) as { readonly client_id?: string };
    if (log !== null) {
      writeSync(log, `${JSON.stringify(body)}\n`);
      fdatasyncSync(log);
    }
    if (kind === "deferred") respondLater(response);
    else respond(response);
  });
});
// As the server's own: with Node's 511, thousands of connections at once stall.
server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 }, () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.on("SIGTERM", () => process.exit(0));
