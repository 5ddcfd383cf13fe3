import { afterEach, beforeEach, expect, test } from "vitest";
import { type ServerProcess, startProcess, temporaryFolder } from "../process.ts";
import { admin, call, licenseIds, type OpenSession, tenant, tokens } from "./vendor.ts";

const license = licenseIds[0] as string;
let folder: ReturnType<typeof temporaryFolder>;
let server: ServerProcess;

beforeEach(async () => {
  folder = temporaryFolder();
  server = await startProcess(["serve"], {
    SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/race.db`,
    SEATKEEPER_TENANT_FILES: folder.write("tenant.yaml", tenant),
  });
});

afterEach(async () => {
  await server.stop("SIGKILL");
  folder.remove();
});

const sessionOf = (client: number) => ({
  license_id: license,
  client_id: `user${client}@factor.com`,
  session_id: `3fa85f64-5717-4562-b3fc-00000000${String(client).padStart(4, "0")}`,
});

test("of 200 clients at once for 10 tokens, exactly 10 are granted, and 190 denials 1007 are on record", async () => {
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => call(server.url, "open", sessionOf(n))));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(tokens);
  expect(answers.filter(({ status, body }) => status === 409 && body.id === 1007)).toHaveLength(190);
  const { total } = await admin<{ total: number }>(server.url, `denials?license_id=${license}`);
  expect(total).toBe(190);
});

test("the last token, given back and fought for again and again, is never held twice", async () => {
  for (let n = 0; n < tokens - 1; n++) expect((await call(server.url, "open", sessionOf(n))).status).toBe(200);
  for (let round = 0; round < 30; round++) {
    const rivals = Array.from({ length: 8 }, (_, n) => sessionOf(100 + n));
    const answers = await Promise.all(rivals.map((rival) => call(server.url, "open", rival)));
    const winners = rivals.filter((_, n) => answers[n]?.status === 200);
    expect(winners).toHaveLength(1);
    const open = await admin<OpenSession[]>(server.url, `licenses/${license}/opensessions`);
    expect(open).toHaveLength(tokens);
    expect((await call(server.url, "close", winners[0] as (typeof rivals)[0])).status).toBe(200);
  }
});
