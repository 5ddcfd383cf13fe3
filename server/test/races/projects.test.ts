/**
 * Users that come and go at the same instant, over HTTP on a real server: exactly one token ever, and every refusal
 * has the right code. `ROUNDS=…` sets how often each race is run.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServerProcess, startProcess, temporaryFolder } from "../process.ts";

const rounds = Number(process.env.ROUNDS ?? 50);
const rivalCount = 50;
/** Rounds are quick; the bound is for a machine that is busy with everything else. */
const timeout = 30_000 + rounds * 2_000;

const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
const ids = (kind: number, n: number) => `0000000${kind}-0000-4000-8000-${String(n).padStart(12, "0")}`;
/** A licence of its own for every race. */
const licences = { moving: ids(5, 1), joining: ids(5, 2), team: ids(5, 3), mono: ids(5, 4) };
const tenant = `isv: { id: ${isv}, name: Races }
keys:
  - { name: app, role: provisioning, secret: races-provisioning-key, response_signature: none }
  - { name: admin, role: admin, secret: races-admin-key }
products:
  - { name: Analyser }
editions:
  - { product: Analyser, name: Projects, provisioning_mode: floating, client_type: projects, session_period: 60 }
customers:
  - { number: "1", name: Factor GmbH }
licenses:
${Object.values(licences)
  .map((id) => `  - { id: ${id}, customer: "1", edition: Projects, project_tokens: { mono: 1, team: 1 } }`)
  .join("\n")}
`;

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface User {
  readonly licence: string;
  readonly n: number;
}

let folder: ReturnType<typeof temporaryFolder>;
let server: ServerProcess;

beforeAll(async () => {
  folder = temporaryFolder();
  server = await startProcess(["serve"], {
    SEATKEEPER_DATABASE_URL: `sqlite:${folder.path}/races.db`,
    SEATKEEPER_TENANT_FILES: folder.write("tenant.yaml", tenant),
  });
});

afterAll(async () => {
  await server.stop("SIGKILL");
  folder.remove();
});

async function request<T>(method: string, path: string, key: Record<string, string>, body?: object): Promise<T> {
  const response = await fetch(`${server.url}/api/v2/isv/${isv}/${path}`, {
    method,
    headers: { ...key, Accept: "application/problem+json, application/json", "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() } as T;
}

const app = { ProvisioningKey: "races-provisioning-key" };

async function openProject(licence: string, name: string, kind: "mono" | "team"): Promise<string> {
  const { status, body } = await request<Answer>("POST", "projects", app, { license_id: licence, name });
  expect(status).toBe(201);
  const opened = await request<Answer>("POST", `projects/${body.id}/open`, app, { kind });
  expect(opened.status).toBe(200);
  return body.id as string;
}

const sessionOf = ({ licence, n }: User) => ({
  license_id: licence,
  client_id: `user${n}@factor.com`,
  session_id: ids(9, n),
});

const connect = (user: User, project: string) =>
  request<Answer>("POST", "provisioning/session/open", app, { ...sessionOf(user), project_id: project });

const leave = (user: User) => request<Answer>("POST", "provisioning/session/close", app, sessionOf(user));

type Tokens = readonly {
  readonly kind: string;
  readonly total: number;
  readonly used: number;
  readonly left: number;
}[];

/** Tokens of a kind in use. The answer itself must add up, whenever it is asked for. */
async function used(licence: string, kind: "mono" | "team"): Promise<number> {
  const { status, body } = await request<{ status: number; body: Tokens }>("GET", `licenses/${licence}/tokens`, app);
  expect(status).toBe(200);
  for (const pool of body) expect(pool).toEqual({ ...pool, total: 1, left: 1 - pool.used });
  expect(body.filter((pool) => pool.kind !== kind).map((pool) => pool.used)).toEqual([0]);
  return body.find((pool) => pool.kind === kind)?.used ?? Number.NaN;
}

async function usersOf(project: string): Promise<string[]> {
  const { body } = await request<Answer>("GET", `projects/${project}`, app);
  return (body.users as { user_id: string }[]).map(({ user_id }) => user_id).sort();
}

/** Starts both at once, now the one and now the other first. */
async function race<A, B>(round: number, one: () => Promise<A>, other: () => Promise<B>): Promise<[A, B]> {
  if (round % 2 === 0) return Promise.all([one(), other()]);
  const second = other();
  return [await one(), await second];
}

test("the last user of one Team project leaves while the first of another arrives", { timeout }, async () => {
  const licence = licences.moving;
  const projects = [await openProject(licence, "A", "team"), await openProject(licence, "B", "team")] as const;
  let inside: User = { licence, n: 1 };
  expect((await connect(inside, projects[0])).status).toBe(200);
  for (let round = 0; round < rounds; round++) {
    const arriving: User = { licence, n: round + 2 };
    const to = projects[(round + 1) % 2] as string;
    const looking = used(licence, "team");
    const [left, arrived] = await race(
      round,
      () => leave(inside),
      () => connect(arriving, to),
    );
    expect(await looking).toBeLessThanOrEqual(1);
    expect(left.status).toBe(200);
    if (arrived.status !== 200) {
      expect(arrived).toMatchObject({ status: 409, body: { id: 1007, kind: "team", total: 1, left: 0 } });
      expect(arrived.body.holders).toEqual([expect.objectContaining({ user_id: `user${inside.n}@factor.com` })]);
      expect(await used(licence, "team")).toBe(0);
      expect((await connect(arriving, to)).status).toBe(200);
    }
    expect(await used(licence, "team")).toBe(1);
    expect(await usersOf(projects[round % 2] as string)).toEqual([]);
    expect(await usersOf(to)).toEqual([`user${arriving.n}@factor.com`]);
    inside = arriving;
  }
});

test("the last user leaves a Team project while another joins it", { timeout }, async () => {
  const licence = licences.joining;
  const project = await openProject(licence, "A", "team");
  const rival = await openProject(licence, "B", "team");
  let inside: User = { licence, n: 1 };
  expect((await connect(inside, project)).status).toBe(200);
  for (let round = 0; round < rounds; round++) {
    const joining: User = { licence, n: round + 2 };
    const looking = used(licence, "team");
    const [left, joined] = await race(
      round,
      () => leave(inside),
      () => connect(joining, project),
    );
    expect(left.status).toBe(200);
    // Whether it joined or was the first again, nobody else wanted the token.
    expect(joined.status).toBe(200);
    expect(await looking).toBeLessThanOrEqual(1);
    expect(await used(licence, "team")).toBe(1);
    expect(await usersOf(project)).toEqual([`user${joining.n}@factor.com`]);
    const refused = await connect({ licence, n: 0 }, rival);
    expect(refused).toMatchObject({ status: 409, body: { id: 1007, in_use: 1, limit: 1 } });
    inside = joining;
  }
});

test(`${rivalCount} first users of one Team project take one token`, { timeout }, async () => {
  const licence = licences.team;
  const project = await openProject(licence, "A", "team");
  const users = Array.from({ length: rivalCount }, (_, n): User => ({ licence, n }));
  for (let round = 0; round < rounds; round++) {
    const looking = used(licence, "team");
    const answers = await Promise.all(users.map((user) => connect(user, project)));
    expect(answers.map(({ status }) => status)).toEqual(users.map(() => 200));
    expect(await looking).toBeLessThanOrEqual(1);
    expect(await used(licence, "team")).toBe(1);
    expect(await usersOf(project)).toHaveLength(rivalCount);
    const stays = users[round % rivalCount] as User;
    const left = await Promise.all(users.filter((user) => user !== stays).map(leave));
    expect(left.every(({ status }) => status === 200)).toBe(true);
    expect(await used(licence, "team")).toBe(1);
    expect((await leave(stays)).status).toBe(200);
    expect(await used(licence, "team")).toBe(0);
  }
});

test(`of ${rivalCount} users of one Mono project exactly one gets in`, { timeout }, async () => {
  const licence = licences.mono;
  const project = await openProject(licence, "A", "mono");
  const other = await openProject(licence, "B", "mono");
  const users = Array.from({ length: rivalCount }, (_, n): User => ({ licence, n }));
  for (let round = 0; round < rounds; round++) {
    const looking = used(licence, "mono");
    const answers = await Promise.all(users.map((user) => connect(user, project)));
    expect(await looking).toBeLessThanOrEqual(1);
    const winners = users.filter((_, n) => answers[n]?.status === 200);
    expect(winners).toHaveLength(1);
    const winner = winners[0] as User;
    const user_id = `user${winner.n}@factor.com`;
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expect(answer).toMatchObject({ status: 409, body: { id: 13001, kind: "mono", total: 1, left: 0 } });
      expect(answer.body.holders).toEqual([expect.objectContaining({ user_id })]);
    }
    expect(await used(licence, "mono")).toBe(1);
    expect(await usersOf(project)).toEqual([user_id]);
    // The unattended one is refused for want of a token, and not because somebody were in it.
    const [rival] = users.filter((user) => user !== winner);
    expect(await connect(rival as User, other)).toMatchObject({ status: 409, body: { id: 1007, in_use: 1, limit: 1 } });
    expect((await leave(winner)).status).toBe(200);
    expect(await used(licence, "mono")).toBe(0);
  }
});
