/**
 * Goal: what was acknowledged is there after a crash. Method: a real server process under load of opens, extends and
 * closes, killed with SIGKILL at a random moment and started again on the same file, round after round.
 */
import { expect, test } from "vitest";
import { type ServerProcess, startProcess, temporaryFolder } from "../process.ts";
import { admin, call, licenseIds, type OpenSession, type SessionCall, tenant, tokens } from "./vendor.ts";

const rounds = Number(process.env.KILL_ROUNDS ?? 20);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** What a client knows of one session: the last acknowledged state, and whether a later request got no answer. */
interface Known {
  readonly session: SessionCall;
  validUntil: string | null;
  isUnsure: boolean;
}

test(`every acknowledged open and close survives ${rounds} SIGKILLs, and no limit is exceeded (SEED=${seed})`, async () => {
  const random = randomFrom(seed);
  const folder = temporaryFolder();
  const env = {
    SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/kill.db`,
    SEATKEEPER_TENANT_FILES: folder.write("tenant.yaml", tenant),
  };
  const known = new Map<string, Known>();
  let acknowledged = 0;
  let server = await startProcess(["serve"], env);
  try {
    for (let round = 0; round < rounds; round++) {
      const clients = Array.from({ length: 24 }, (_, n) => useSessions(server.url, known, n, random));
      // The moment of the kill is the fault under test, not a wait for something to happen.
      await new Promise((resolve) => setTimeout(resolve, 30 + random() * 250));
      await server.stop("SIGKILL");
      acknowledged += (await Promise.all(clients)).reduce((sum, count) => sum + count, 0);
      server = await startProcess(["serve"], env);
      await expectAllKept(server, known, `round ${round}, SEED=${seed}`);
    }
    expect(acknowledged, "the load reached the server").toBeGreaterThan(rounds * 20);
  } finally {
    await server.stop("SIGKILL");
    folder.remove();
  }
}, 120_000);

/** One client: opens, extends and closes sessions of its own until the server is gone. Answers with its acknowledged calls. */
async function useSessions(
  url: string,
  known: Map<string, Known>,
  client: number,
  random: () => number,
): Promise<number> {
  for (let done = 0; ; done++) {
    const license = licenseIds[Math.floor(random() * licenseIds.length)] as string;
    const place = `${license} ${client}`;
    const mine = known.get(place) ?? { session: sessionOf(license, client), validUntil: null, isUnsure: false };
    known.set(place, mine);
    const verb = mine.validUntil !== null && random() < 0.5 ? "close" : "open";
    const unsureBefore = mine.isUnsure;
    mine.isUnsure = true;
    try {
      const { status, body } = await call(url, verb, mine.session);
      if (status === 200) mine.validUntil = verb === "open" ? (body.session_valid_until ?? null) : null;
      // A denied open took nothing; a close that finds nothing says that an earlier, unanswered one was kept.
      else if (body.id === 12001 && unsureBefore) mine.validUntil = null;
      else if (body.id !== 1007) throw new Error(`${verb}: ${status} ${JSON.stringify(body)}`);
      mine.isUnsure = false;
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError) return done;
      throw error;
    }
  }
}

async function expectAllKept(server: ServerProcess, known: ReadonlyMap<string, Known>, when: string): Promise<void> {
  for (const license of licenseIds) {
    const open = await admin<OpenSession[]>(server.url, `licenses/${license}/opensessions`);
    expect(open.length, `${when}: tokens in use`).toBeLessThanOrEqual(tokens);
    const until = new Map(open.map((session) => [session.session_id, session.session_valid_until]));
    for (const mine of known.values()) {
      if (mine.session.license_id !== license) continue;
      const kept = until.get(mine.session.session_id) ?? null;
      if (!mine.isUnsure) expect(kept, `${when}: ${mine.session.client_id}`).toBe(mine.validUntil);
      // What was in flight may have happened or not; from now on the client knows.
      mine.validUntil = kept;
      mine.isUnsure = false;
    }
  }
}

/** Every client has one session a licence, so that sessions and tokens are the same number. */
function sessionOf(license: string, client: number): SessionCall {
  return {
    license_id: license,
    client_id: `user${client}@factor.com`,
    session_id: `3fa85f64-5717-4562-b3fc-${license.slice(-4)}0000${String(client).padStart(4, "0")}`,
  };
}

/** A small seeded generator (mulberry32): the same seed, the same choices. */
function randomFrom(start: number): () => number {
  let state = start | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
