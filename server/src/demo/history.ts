/**
 * Months of ordinary working days for the demo vendor, so that charts live from the first minute: through the real rules,
 * at instants of the past, and the same for the same days.
 */
import { Temporal } from "temporal-polyfill";
import { Rollup } from "../analytics/rollup.ts";
import { type Outcome, step } from "../core/step.ts";
import type { Command, Millis } from "../core/types.ts";
import { DatabaseRefused, type Store, StoreNotEmpty } from "../stores/store.ts";
import { machines, monoProjects, people, teamProjects } from "./people.ts";
import { Random } from "./random.ts";
import { type Act, night, type Work, type Workplace, workday } from "./work.ts";

/** The vendor and licences of server/demo/tenant.yaml that have a past. The licence of the first commands has none. */
const isvId = "2af5fe02-6207-4214-946e-b00ac5309f53";
const office = { isvId, licenseId: "7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a15", projectId: null };
const projects = { isvId, licenseId: "7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a16" };
const rendering = { isvId, licenseId: "7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a17", projectId: null };
const sweeps = [office, projects, rendering].map(({ licenseId }): Command => ({ type: "sweep", isvId, licenseId }));

const day = 24 * 60 * 60_000;

/** After the last act its session may still be live for its period, an hour; history ends when nothing is. */
const lapseMs = 61 * 60_000;

export interface DemoHistory {
  readonly days: number;
  readonly acts: number;
}

/**
 * To be asked before the demo vendor is put into a database: its keys are known to all the world.
 * @throws StoreNotEmpty where there is a history already, in which the past cannot be put, or somebody else's catalogue.
 */
export async function requireRoomForDemo(store: Store): Promise<void> {
  if (
    (await store.counted()).until > 0 ||
    (await store.linesAfter({ at: 0, no: 0 }, store.now() + day, 1)).length > 0
  ) {
    throw new StoreNotEmpty("The database has a history already; the demo's goes into a new one.");
  }
  if ([...store.catalog.vendors()].some(({ isv }) => isv.id !== isvId)) {
    throw new StoreNotEmpty(
      "The database has another vendor; the demo, whose keys everybody knows, goes into a new one.",
    );
  }
}

/**
 * Writes the history of some days up to the store's present, and counts it.
 * @throws StoreNotEmpty as `requireRoomForDemo` does.
 */
export async function writeDemoHistory(store: Store, days: number): Promise<DemoHistory> {
  await requireRoomForDemo(store);
  if (store.catalog.vendor(isvId)?.licenses.has(office.licenseId) !== true) {
    throw new DatabaseRefused("The database lacks the demo vendor's licences.");
  }
  const end = store.now();
  const first = Temporal.Instant.fromEpochMilliseconds(end - days * day)
    .toZonedDateTimeISO("UTC")
    .toPlainDate();
  const places = await prepare(store, end - (days + 1) * day);
  let acts = 0;
  let coming: Coming[] = [];
  for (let n = 0; n <= days; n++) {
    const date = first.add({ days: n });
    coming.push(...worksOn(date, places).flatMap((work) => begin(work)));
    const until = Math.min(first.add({ days: n + 1 }).toZonedDateTime("UTC").epochMilliseconds, end - lapseMs);
    const done = await live(store, coming, until);
    coming = done.coming;
    acts += done.acts;
  }
  await giveBack(store, coming, end - lapseMs);
  await store.transact(sweeps, (licenses) => sweeps.map((sweep) => step(licenses, sweep, end)));
  await store.live();
  const rollup = new Rollup(store);
  while (await rollup.round());
  return { days, acts };
}

/** Projects are made and machines activated, before anybody works. */
async function prepare(store: Store, at: Millis): Promise<Workplace[]> {
  const random = new Random("demo");
  const make = (names: readonly string[], kind: "mono" | "team") =>
    names.map((name) => ({ name, kind, id: random.uuid() }));
  const made = [...make(monoProjects, "mono"), ...make(teamProjects, "team")];
  const commands: Command[] = [
    ...made.flatMap(({ name, kind, id }): Command[] => [
      { type: "project.create", ...projects, name, id },
      { type: "project.open", ...projects, projectId: id, kind },
    ]),
    ...machines.map((clientId): Command => {
      const ids = { session: random.uuid(), assignment: random.uuid(), token: random.uuid() };
      const unnamed = { clientName: null, clientDescription: null, softwareVersion: null, tokenKey: null };
      return { type: "activate", isvId, licenseId: rendering.licenseId, clientId, ...unnamed, ids };
    }),
  ];
  await store.transact(commands, (licenses) => commands.map((command) => step(licenses, command, at)));
  return made.map(({ id }) => ({ ...projects, projectId: id }));
}

/** Everybody's work of a day. Two of three sit at their own desks, the others in projects. */
function worksOn(date: Temporal.PlainDate, places: readonly Workplace[]): Work[] {
  const days = people.flatMap((person, n) => {
    const random = new Random(`${date} ${person.user}`);
    const where = n % 3 === 2 ? random.pick(places) : office;
    return workday(person, date, where, random) ?? [];
  });
  const midnight = date.toZonedDateTime("Europe/Berlin").epochMilliseconds;
  const nights = machines.flatMap((machine) => {
    const random = new Random(`${date} ${machine}`);
    return random.chance(date.dayOfWeek > 5 ? 0.1 : 0.6) ? [night(machine, midnight, rendering, random)] : [];
  });
  return [...days, ...nights];
}

interface Coming {
  readonly act: Act;
  readonly work: Work;
}

function begin(work: Work): Coming[] {
  const { value, done } = work.next();
  return done === true ? [] : [{ act: value, work }];
}

/** Everything before an instant, in its order and in one transaction; what comes later is left. */
async function live(store: Store, works: readonly Coming[], until: Millis) {
  let acts = 0;
  const coming = works.toSorted((a, b) => b.act.at - a.act.at);
  await store.transact(sweeps, (licenses) => {
    for (let next = coming.at(-1); next !== undefined && next.act.at < until; next = coming.at(-1)) {
      coming.pop();
      acts++;
      const outcome = step(licenses, next.act.command, next.act.at);
      const { value, done } = next.work.next(outcome);
      if (done !== true) put(coming, { act: value, work: next.work });
    }
  });
  return { coming, acts };
}

/** Latest first: what is next stands at the end. */
function put(coming: Coming[], one: Coming): void {
  let n = coming.length;
  while (n > 0 && (coming[n - 1] as Coming).act.at < one.act.at) n--;
  coming.splice(n, 0, one);
}

/** Whoever is at work when the present begins gives the token back: history ends with none in use. */
async function giveBack(store: Store, coming: readonly Coming[], at: Millis): Promise<void> {
  const closes = coming.flatMap(({ act: { command } }): Command[] => {
    if (command.type !== "open") return [];
    const { clientId, sessionId, userId, licenseId } = command;
    return [{ type: "close", isvId, licenseId, clientId, sessionId, userId }];
  });
  await store.transact(sweeps, (licenses): Outcome[] =>
    closes
      .filter(({ licenseId }) => licenses.license(isvId, licenseId) !== undefined)
      .filter((close) => isLive(licenses.license(isvId, close.licenseId)?.sessions() ?? [], close))
      .map((close) => step(licenses, close, at)),
  );
}

function isLive(
  sessions: Iterable<{ readonly sessionId: string | null; readonly endedAt: Millis | null }>,
  close: Command,
) {
  for (const { sessionId, endedAt } of sessions) {
    if ("sessionId" in close && sessionId === close.sessionId && endedAt === null) return true;
  }
  return false;
}
