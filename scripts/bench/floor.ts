/** The floors: a bare node:http server that reads a JSON body and answers the same bytes, inline, as an extend would. */
import { fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const [, , kind, answerFile, logFile] = process.argv as [string, string, string, string, string];
const answer = JSON.parse(readFileSync(answerFile, "utf8")) as object;
const log = kind === "append" ? openSync(logFile, "a") : null;

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
    const bytes = JSON.stringify(answer);
    response.writeHead(200, ["Content-Type", "application/json", "Content-Length", String(Buffer.byteLength(bytes))]);
    response.end(bytes);
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.on("SIGTERM", () => process.exit(0));
