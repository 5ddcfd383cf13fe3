/** A server as the comparison sees it: where it listens, and what its requests look like. One small YAML file each. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";

export const acts = ["open", "extend", "close"] as const;
export type Act = (typeof acts)[number];

interface Shape {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The status of an answer that grants it; of an open also the one that denies it. */
  readonly granted: number;
  readonly denied?: number;
}

export interface ServerFile extends Readonly<Record<Act, Shape>> {
  readonly name: string;
  readonly address: string;
  /** What `{pool}` stands for, by the tokens of the pool. */
  readonly pools: Readonly<Record<string, string>>;
}

/** @throws Error that names what is missing, or an address that is not this machine's. */
export function readServerFile(path: string): ServerFile {
  const file = parse(readFileSync(path, "utf8")) as Partial<ServerFile> | null;
  for (const field of ["name", "address", "pools", ...acts] as const) {
    if (file?.[field] === undefined) throw new Error(`${path}: ${field} is missing`);
  }
  const server = file as ServerFile;
  const { protocol, hostname } = new URL(server.address);
  // A load must not reach somebody else's server by a slip of the pen.
  if (protocol !== "http:" || hostname !== "127.0.0.1") throw new Error(`${path}: want an address on http://127.0.0.1`);
  for (const act of acts) {
    const { method, path: where, granted } = server[act];
    if (!method || !where?.startsWith("/") || !granted)
      throw new Error(`${path}: ${act} wants method, path and granted`);
  }
  if (server.open.denied === undefined) throw new Error(`${path}: open wants denied`);
  return server;
}

/** The bytes of one request: `{pool}` and `{holder}` are filled in wherever they stand. */
export function requestOf(server: ServerFile, act: Act, pool: string, holder: string): Buffer {
  const { method, path, headers = {}, body = "" } = server[act];
  const filled = (text: string) => text.replaceAll("{pool}", pool).replaceAll("{holder}", holder);
  const content = filled(body);
  const lines = [
    `${method} ${filled(path)} HTTP/1.1`,
    `Host: ${new URL(server.address).host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${filled(value)}`),
    ...(body === "" ? [] : ["Content-Type: application/json"]),
    `Content-Length: ${Buffer.byteLength(content)}`,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${content}`);
}
