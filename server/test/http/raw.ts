/** Requests that no client library would send: bytes on a socket. */
import { connect } from "node:net";
import { isv, keys } from "./demo.ts";

/** Sends bytes and reads until the server closes, or until one whole answer is there; from one of the machine's addresses. */
export function raw(port: number, request: string | Buffer, localAddress = "127.0.0.1"): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    let text = "";
    socket.setEncoding("latin1");
    socket.on("error", (error) => (text === "" ? reject(error) : resolve(text)));
    socket.on("data", (chunk) => {
      text += chunk;
      if (isWhole(text)) socket.destroy();
    });
    socket.on("close", () => resolve(text));
    socket.write(request);
  });
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /content-length: (\d+)/i.exec(text.slice(0, end))?.[1];
  return length !== undefined && text.length >= end + 4 + Number(length);
}

export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
export const bodyOf = (answer: string): string => answer.slice(answer.indexOf("\r\n\r\n") + 4);

export const openPath = `/api/v2/isv/${isv}/provisioning/session/open`;

/** An open with the header lines as given. */
export function rawOpen(lines: readonly string[], body: string | Buffer, path = openPath): Buffer {
  const head = [`POST ${path} HTTP/1.1`, ...lines].join("\r\n");
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), Buffer.from(body)]);
}

export const host = "Host: 127.0.0.1";
export const key = `ProvisioningKey: ${keys.plain}`;
export const jsonLine = "Content-Type: application/json";
export const lengthLine = (body: string | Buffer): string => `Content-Length: ${Buffer.byteLength(body)}`;
