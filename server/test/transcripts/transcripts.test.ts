/**
 * The published samples' requests, byte for byte over a socket, to the server as it is run, with the demo's tenant file.
 * Each answer is read by a strict reader and by a lenient one, and its two signatures are verified like the clients do.
 */
import { verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bodyOf, raw, statusOf } from "../http/raw.ts";
import { type ServerProcess, startProcess, temporaryFolder } from "../process.ts";
import { isKind, type Kind, readers } from "./readers.ts";

const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
const tenantFile = fileURLToPath(new URL("../../demo/tenant.yaml", import.meta.url));

interface Step {
  readonly title: string;
  readonly head: string;
  readonly body: string;
  readonly status: number;
  readonly kind: Kind;
  /** Members by their path, and what they must be. */
  readonly members: readonly (readonly [string, string])[];
}

function readTranscript(name: string): Step[] {
  const content = readFileSync(new URL(name, import.meta.url), "utf8");
  return content
    .split(/^== /m)
    .slice(1)
    .map((section) => {
      const [title = "", ...lines] = section.split("\n");
      const blank = lines.indexOf("");
      const [body = "", arrow = ""] = lines.slice(blank + 1);
      const [, status, kind = "", ...members] = arrow.split(" ");
      if (!arrow.startsWith("-> ") || !isKind(kind)) throw new Error(`${name}: ${title}: what is to be answered?`);
      const pairs = members.map((member) => member.split("=") as [string, string]);
      return { title, head: lines.slice(0, blank).join("\r\n"), body, status: Number(status), kind, members: pairs };
    });
}

const folder = temporaryFolder();
let server: ServerProcess;
let publicKey: string;

beforeAll(async () => {
  const env = {
    SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/seatkeeper.db`,
    SEATKEEPER_TENANT_FILES: tenantFile,
  };
  server = await startProcess(["serve"], env, folder.path);
  publicKey = await (await fetch(`${server.url}/api/v2/isv/${isv}/signing-key.pem`)).text();
});
afterAll(async () => {
  await server.stop("SIGTERM");
  folder.remove();
});

const isSigned = (signature: string | undefined, bytes: Buffer) =>
  verify("sha256", bytes, publicKey, Buffer.from(signature ?? "", "base64"));

function headerOf(answer: string, name: string): string | undefined {
  const head = answer.slice(0, answer.indexOf("\r\n\r\n"));
  return new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1];
}

function memberOf(value: unknown, path: string): unknown {
  return path.split(".").reduce((part, name) => (part as Record<string, unknown> | undefined)?.[name], value);
}

describe.each(["java.txt", "cpp.txt", "others.txt"])("the requests of %s", (name) => {
  /** The token key that the last licence was answered with. */
  let token = "";
  const steps = readTranscript(name);

  test.each(steps)("$title", async (step) => {
    const { port } = new URL(server.url);
    const body = step.body.replace("{token}", token);
    const head = step.head.replace("{port}", port).replace("{length}", String(Buffer.byteLength(body)));
    const answer = await raw(Number(port), Buffer.from(`${head}\r\n\r\n${body}`));
    const text = bodyOf(answer);
    expect(statusOf(answer), text).toBe(step.status);
    expect(headerOf(answer, "content-type")).toContain("application/json");
    expect(headerOf(answer, "content-encoding")).toBeUndefined();
    // As bytes: what came over the socket was read one byte a character.
    expect(isSigned(headerOf(answer, "x-slascone-signature"), Buffer.from(text, "latin1"))).toBe(true);
    const nonce = headerOf(`${head}\r\n\r\n`, "x-nonce");
    if (nonce !== undefined) {
      expect(isSigned(headerOf(answer, "x-nonce-signature"), Buffer.from(nonce, "base64"))).toBe(true);
    }
    const value = JSON.parse(Buffer.from(text, "latin1").toString("utf8"));
    expect(readers.strict(step.kind, value)).toEqual([]);
    expect(readers.lenient(step.kind, value)).toEqual([]);
    for (const [path, wanted] of step.members) expect(String(memberOf(value, path)), path).toBe(wanted);
    if (step.kind === "LicenseInfo") token = value.token_key;
  });
});

describe("the readers", () => {
  const status = {
    is_session_valid: true,
    session_valid_until: "2026-01-01T00:05:00Z",
    session_created_date: "2026-01-01T00:00:00Z",
    session_modified_date: "2026-01-01T00:00:00.1234567+00:00",
    max_open_session_count: 1,
    max_active_client_count: 1,
  };
  test("read what fits", () => {
    expect(readers.strict("SessionStatus", status)).toEqual([]);
  });
  test.each([
    [{ ...status, new_member: 1 }, ["SessionStatus.new_member: is not known to this client"]],
    [{ ...status, is_session_valid: null }, ["SessionStatus.is_session_valid: null is no boolean"]],
    [
      { ...status, session_valid_until: "2026-01-01T00:05:00" },
      ['SessionStatus.session_valid_until: "2026-01-01T00:05:00" is no instant'],
    ],
    [[], ["SessionStatus: is no object"]],
  ])("the strict one refuses what does not: %#", (value, faults) => {
    expect(readers.strict("SessionStatus", value)).toEqual(faults);
  });
  test("the lenient one ignores what it does not know, and misses what it needs", () => {
    expect(readers.lenient("SessionStatus", { ...status, new_member: 1 })).toEqual([]);
    expect(readers.lenient("SessionStatus", {})).toEqual([
      "SessionStatus.session_valid_until: undefined is no instant",
    ]);
  });
});
