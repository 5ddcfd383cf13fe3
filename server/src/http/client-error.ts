/** Requests that Node's parser gave up on: answered on the bare socket, as problem details like all others. */
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { refusalReadMs } from "./limits.ts";
import { answerOfProblem, Problem, type ProblemCode } from "./problem.ts";

const codes: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: ["header_too_large", "Send fewer or shorter headers."],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ["body_too_large", "Send the body without chunk extensions."],
  ERR_HTTP_REQUEST_TIMEOUT: ["request_timeout", "Send the whole request in one go."],
};

const unreadable = [
  "request_malformed",
  "The request line, the headers or the framing of the body cannot be read.",
] as const;

const isWhole = (current: ServerResponse) => current.req.complete;

/** Answers that are the last on their connections: garbage may come in any number of pieces. */
const last = new WeakSet<ServerResponse>();

export function onClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  // Nobody listens any more, or an answer is on its way: another one would corrupt it.
  const current = (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage;
  if (error.code === "ECONNRESET" || !socket.writable || current?.headersSent === true) {
    socket.destroy();
    return;
  }
  // A whole request was read before what is wrong, and is being decided: what is written now would pass for its answer.
  if (current != null && isWhole(current)) {
    if (!last.has(current)) current.once("finish", () => socket.destroy());
    last.add(current);
    return;
  }
  const [code, detail] = codes[error.code ?? ""] ?? unreadable;
  const { status, contentType, body, headers } = answerOfProblem(new Problem(code, detail), true);
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, `Content-Type: ${contentType}`];
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`, "Connection: close");
  for (let n = 0; n < headers.length; n += 2) lines.push(`${headers[n]}: ${headers[n + 1]}`);
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
  // Where Node has stopped reading, nobody would notice that the client is gone.
  const timer = setTimeout(() => socket.destroy(), refusalReadMs).unref();
  socket.once("close", () => clearTimeout(timer));
}
