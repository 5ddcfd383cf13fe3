/** Answers as bytes: what `node:http` would write, in one piece. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type Answer, bytesOf, headersOf } from "../answer.ts";
import { answerReadMs, answerTimedBytes } from "../limits.ts";

/** `lastLines`: what every answer says of its connection, with the empty line. */
export function writeResponse(
  socket: Socket,
  answer: Answer,
  signed: readonly string[] | undefined,
  lastLines: string,
): void {
  const { status, body } = answer;
  const bodyBytes = bytesOf(answer);
  const headers = headersOf(answer, bodyBytes, signed);
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (let n = 0; n < headers.length; n += 2) head += `${headers[n]}: ${headers[n + 1]}\r\n`;
  head += `Date: ${dateText()}\r\n${lastLines}`;
  const sent = body.length > answerTimedBytes ? cutOffSlowReader(socket) : undefined;
  if (typeof body !== "string") socket.write(Buffer.concat([Buffer.from(head), body]), sent);
  // Latin-1 is the cheaper way to write what is ASCII alone.
  else socket.write(head + body, bodyBytes === body.length ? "latin1" : "utf8", sent);
}

/** As for `node:http` in `answer.ts`. What is returned is to be called when the answer was taken. */
function cutOffSlowReader(socket: Socket): () => void {
  const timer = setTimeout(() => socket.destroy(), answerReadMs).unref();
  return () => clearTimeout(timer);
}

let dateSecond = Number.NaN;
let date = "";

/** The time of day as answers tell it, made once a second. */
function dateText(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(now).toUTCString();
  }
  return date;
}
