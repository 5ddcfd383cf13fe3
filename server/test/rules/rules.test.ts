/** Runs each table of rules against the core on the memory store, and against the independent model. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import { assignedAt, assignmentAt, newAssignment } from "../../src/core/decide/assignments.ts";
import { checkInsOf } from "../../src/core/decide/checkouts.ts";
import { decideProject } from "../../src/core/decide/projects.ts";
import { quotaStatus } from "../../src/core/decide/quotas.ts";
import { denials } from "../../src/core/denials.ts";
import { LicenseState } from "../../src/core/state.ts";
import { type Outcome, step } from "../../src/core/step.ts";
import type { Assignment, Command, DenialCode, Millis, Project, RecordKind, Terms } from "../../src/core/types.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import { broken, type Sight, sightOfModel, sightOfView, withoutOver } from "../model/invariants.ts";
import { Model } from "../model/model.ts";
import type { ModelProject, ModelRefusal } from "../model/projects.ts";
import {
  customerIdOf,
  entitiesOf,
  freshId,
  isvIdOf,
  type LicenseSetting,
  licenseIdOf,
  licenseSetting,
  limitationIdOf,
  modelTermsOf,
  productIdOf,
} from "../model/vendor.ts";
import { codesOf, stepAll } from "../stores/steps.ts";
import { type Act, type Expected, type Line, readTable, type Section } from "./table.ts";

const start = Date.parse("2026-01-01T00:00:00Z");

for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith(".table.txt"))) {
  const sections = readTable(file, readFileSync(new URL(file, import.meta.url), "utf8"));
  describe(file.replace(".table.txt", ""), () => {
    for (const section of sections) {
      test(`${section.title} (core)`, () => new Scene(new CoreSide()).play(section));
      test(`${section.title} (model)`, () => new Scene(new ModelSide()).play(section));
    }
  });
}

/** What each section of the order of checks is denied for, one reason after the other being taken away. */
const orders = readTable("precedence", readFileSync(new URL("precedence.table.txt", import.meta.url), "utf8"))
  .map(
    ({ title, lines }) =>
      [title, lines.flatMap(({ expected }) => (expected?.isDenial ? [expected.word] : []))] as const,
  )
  .filter(([, told]) => told.length > 1);

test.each(orders)("the table of denials is in the order of the checks: %s", (_title, told) => {
  const order = Object.keys(denials);
  expect(told).toEqual(told.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)));
});

describe("a table with a mistake in it is refused, with file and line", () => {
  const mistakes = {
    "an unknown verb": "opne L anna -> opened",
    "an unknown outcome": "open L anna -> openned",
    "a granted word of another verb": "close L anna -> opened",
    "an unknown setting": "licence L floating users token=1",
    "an unknown kind of licence": "licence L floating user",
    "a number that is none": "licence L floating users tokens=two",
    "a duration that is none": "tick 5 minutes",
    "an outcome too little": "open L anna",
    "an outcome too many": "tick 5m -> opened",
    "a word too many": "open L anna ben -> opened",
    "an unknown kind of record": "history L session.open",
    "an unknown kind of project": "open-project L A duo -> open",
    "an unknown state of an execution": "project L A team X=done",
    "a section that is not there": "after W99",
  };
  for (const [name, line] of Object.entries(mistakes)) {
    test(`${name} is refused`, () => {
      expect(() => readTable("some.table.txt", `== A rule\n\n${line}\n`)).toThrow(/^some\.table\.txt:3: /);
    });
  }

  test("a licence that is not there is refused when the table is played", async () => {
    const [section] = readTable("some.table.txt", "== A rule\nopen L anna -> opened\n");
    await expect(new Scene(new ModelSide()).play(section as Section)).rejects.toThrow(
      "some.table.txt:2: there is no licence L",
    );
  });
});

describe("bounds that a table would be long for", () => {
  for (const [name, side] of [
    ["core", () => new CoreSide()],
    ["model", () => new ModelSide()],
  ] as const) {
    test(`a project remembers its 50 newest executions, and whatever runs (${name})`, async () => {
      const lines = ["licence RE floating projects mono=1 team=1", "create RE A -> created"];
      lines.push("open-project RE A mono -> open", "connect RE A anna session=s1 -> opened");
      lines.push("run RE A First session=s1 -> running");
      for (let n = 1; n <= 60; n++) {
        lines.push(`run RE A X${n} session=s1 -> running`, `report RE A X${n} finished -> reported`);
      }
      lines.push("project RE A mono First=running X11=forgotten X12=finished X60=finished");
      const [section] = readTable("executions", `== Many\n${lines.join("\n")}\n`);
      await new Scene(side()).play(section as Section);
    });
  }

  test("a licence has at most 100,000 projects", async () => {
    const store = openMemoryStore(new HeldClock(start));
    const setting = licenseSetting({ type: "projects", mono: 1, team: 1 });
    await store.saveCatalog(entitiesOf(setting));
    const { isvId, licenseId } = setting;
    const create = (n: number): Command => {
      return { type: "project.create", isvId, licenseId, name: `P${n}`, id: freshId(10, n) };
    };
    const commands = [...Array.from({ length: 100_001 }, (_, n) => create(n)), create(0)];
    const denials = codesOf(await stepAll(store, commands)).slice(99_999);
    expect(denials).toEqual([null, "projects_exhausted", "project_name_taken"]);
  });
});

test("a Team project has room for 10,000 sessions, whoever leaves makes some", async () => {
  const store = openMemoryStore(new HeldClock(start));
  const setting = licenseSetting({ type: "projects", mono: 0, team: 1 });
  await store.saveCatalog(entitiesOf(setting));
  const place = { isvId: setting.isvId, licenseId: setting.licenseId };
  const projectId = freshId(10, 1);
  const who = (n: number) => ({ clientId: "host", sessionId: freshId(9, n), userId: null });
  const connect = (n: number): Command => {
    const ids = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
    return { type: "open", ...place, ...who(n), projectId, checkoutPeriod: null, ids };
  };
  await stepAll(store, [
    { type: "project.create", ...place, name: "P", id: projectId },
    { type: "project.open", ...place, projectId, kind: "team" },
    ...Array.from({ length: 9_999 }, (_, n) => connect(n)),
  ]);
  const last = await stepAll(store, [
    connect(9_999),
    connect(10_000),
    { type: "close", ...place, ...who(0) },
    connect(10_000),
  ]);
  expect(codesOf(last)).toEqual([null, "sessions_exhausted", null, null]);
});

test("a temporary licence takes its tokens round after round from whoever still has one, also after a round was undone", () => {
  const license = new LicenseState(modelTermsOf(licenseSetting({ isTemporary: true })) as unknown as Terms);
  const client = (n: number, unassignedAt: Millis | null): Assignment => ({
    ...newAssignment(
      { clientId: `c${n}`, ids: { session: "", assignment: `a${n}`, token: `t${n}` } },
      `c${n}`,
      null,
      0,
      false,
    ),
    unassignedAt,
  });
  const round = () => license.assignedClients(2).map(({ clientKey }) => clientKey);
  const take = (...some: number[]) => {
    for (const n of some) license.putAssignment(client(n, 1));
  };
  for (let n = 0; n < 5; n++) license.putAssignment(client(n, null));
  expect(round()).toEqual(["c0", "c1"]);
  take(0, 1);
  expect(round()).toEqual(["c2", "c3"]);
  // Undone: both have their tokens again.
  expect(round()).toEqual(["c4"]);
  take(4);
  expect(round()).toEqual(["c2", "c3"]);
  take(2, 3);
  expect(round()).toEqual([]);
});

test("an execution is the session's that has been in longest, in whatever order a store has those of its id", async () => {
  const clock = new HeldClock(start);
  const store = openMemoryStore(clock);
  const setting = licenseSetting({ type: "projects", mono: 0, team: 1 });
  await store.saveCatalog(entitiesOf(setting));
  const place = { isvId: setting.isvId, licenseId: setting.licenseId };
  const [projectId, sessionId] = [freshId(10, 1), freshId(9, 1)];
  await stepAll(store, [
    { type: "project.create", ...place, name: "P", id: projectId },
    { type: "project.open", ...place, projectId, kind: "team" },
  ]);
  for (const [n, clientId] of ["anna", "ben"].entries()) {
    const ids = { session: freshId(6, 9 - n), assignment: freshId(7, n), token: freshId(8, n) };
    const who = { clientId, sessionId, userId: null, projectId, checkoutPeriod: null, ids };
    expect(codesOf(await stepAll(store, [{ type: "open", ...place, ...who }]))).toEqual([null]);
    clock.advance(1);
  }
  const view = (await store.read(place.isvId, place.licenseId)) as LicenseState;
  const sessions = [...view.sessions()];
  for (const order of [sessions, sessions.toReversed()]) {
    const license = new LicenseState(view.terms);
    license.putProject(view.project(projectId) as Project);
    for (const session of order) license.putSession(session);
    const more = { sessionId, name: "X", unitsTotal: null, id: freshId(11, 1), secretHash: "" };
    const { records } = decideProject(license, { type: "execution.start", ...place, projectId, ...more }, clock.now());
    expect(records.map(({ kind, clientId }) => [kind, clientId])).toEqual([["execution.started", "anna"]]);
    const nobody = { type: "execution.start", ...place, projectId, ...more, sessionId: null } as const;
    expect(decideProject(license, nobody, clock.now()).denial?.code).toBe("session_unknown");
  }
});

/** What one of the two sides answers, in the words of the tables. */
interface Answer {
  readonly denial: DenialCode | null;
  readonly inUse: number;
  readonly limit: number;
  readonly freeAt: Millis | null;
  readonly queuePosition: number | null;
  readonly session: { readonly id: string; readonly validUntil: Millis; readonly isOveruse: boolean } | null;
  /** What the next open carries; null: nothing. */
  readonly renewal: string | null;
  readonly assignment: { readonly id: string; readonly tokenKey: string; readonly isGoodwill: boolean } | null;
  readonly refusal: (Omit<ModelRefusal, "execution"> & { readonly execution: { readonly name: string } | null }) | null;
  readonly user: { readonly userId: string } | null;
  /** Units used, and the transaction. */
  readonly quota: { readonly used: number; readonly transactionId: string | null } | null;
  readonly ended: number;
}

interface View {
  readonly registered: readonly { readonly isActive: boolean }[];
  quota(
    limitationId: string,
  ): { readonly used: number; readonly from: Millis; readonly until: Millis | null } | undefined;
  readonly projects: readonly (Project | ModelProject)[];
  readonly inUse: number;
  readonly out: number;
  readonly checkIns: number;
  readonly holding: number;
  readonly known: number;
  readonly live: readonly { readonly id: string; readonly holder: string; readonly validUntil: Millis }[];
  /** In the order of their places. */
  readonly waiting: readonly { readonly clientId: string }[];
  readonly assignments: readonly { readonly id: string; readonly clientId: string; readonly tokenKey: string }[];
}

interface Told {
  readonly kind: RecordKind;
  readonly at: Millis;
  readonly isOveruse: boolean;
}

interface Side {
  /** Holds every token from this instant on, as after a restore. */
  hold(at: Millis): Promise<void>;
  save(setting: LicenseSetting): Promise<void>;
  step(command: Command, now: Millis): Promise<Answer>;
  view(isvId: string, licenseId: string, now: Millis): Promise<View>;
  /** What the invariants of projects look at. */
  sight(isvId: string, licenseId: string): Promise<Sight | null>;
  history(isvId: string, licenseId: string): Promise<readonly Told[]>;
}

class CoreSide implements Side {
  readonly #clock = new HeldClock(start);
  readonly #store = openMemoryStore(this.#clock);

  save(setting: LicenseSetting): Promise<void> {
    return this.#store.saveCatalog(entitiesOf(setting));
  }

  hold(at: Millis): Promise<void> {
    this.#clock.advance(at - this.#clock.now());
    return this.#store.hold();
  }

  async step(command: Command, now: Millis): Promise<Answer> {
    // At the table's time and not the store's: a table may set the clock back.
    const { denial, granted } = await this.#store.transact(
      [command],
      (licenses): Outcome => step(licenses, command, now),
    );
    return {
      denial: denial?.code ?? null,
      inUse: denial?.inUse ?? 0,
      limit: denial?.limit ?? 0,
      freeAt: denial?.nextFreeAt ?? null,
      queuePosition: denial?.queuePosition ?? null,
      session: granted?.session ?? null,
      renewal: granted?.session?.renewal?.current ?? null,
      assignment: granted?.assignment ?? null,
      refusal: denial?.project ?? null,
      user: granted?.user ?? null,
      quota: granted?.quotas[0] ?? null,
      ended: granted?.ended ?? 0,
    };
  }

  async view(isvId: string, licenseId: string, now: Millis): Promise<View> {
    const license = await this.#store.read(isvId, licenseId);
    if (license === undefined) throw new Error(`the store has no licence ${licenseId}`);
    const live = [...license.sessions()].filter((session) => session.endedAt === null && now < session.validUntil);
    return {
      inUse: new Set(live.map(({ holder }) => holder)).size,
      out: license.checkedOut,
      checkIns: checkInsOf(license, now),
      holding: assignedAt(license, now),
      known: license.clients,
      live,
      projects: [...license.projects()],
      registered: [...license.users()],
      quota: (id) => quotaStatus(license, id, now),
      assignments: [...license.assignments()].map((one) => assignmentAt(license.terms, one, now)),
      waiting: [...license.tickets()].filter(({ validUntil }) => now < validUntil).toSorted((a, b) => a.no - b.no),
    };
  }

  async sight(isvId: string, licenseId: string): Promise<Sight | null> {
    const license = await this.#store.read(isvId, licenseId);
    return license === undefined ? null : sightOfView(license);
  }

  history(isvId: string, licenseId: string) {
    return this.#store.history(isvId, licenseId, 10_000);
  }
}

class ModelSide implements Side {
  readonly #model = new Model();

  async save(setting: LicenseSetting): Promise<void> {
    this.#model.setTerms(setting.isvId, setting.licenseId, modelTermsOf(setting));
  }

  async hold(at: Millis): Promise<void> {
    this.#model.hold(at);
  }

  async step(command: Command, now: Millis): Promise<Answer> {
    const { denialCode, nextFreeAt, quotas, ...rest } = this.#model.step(command, now);
    const renewal = rest.session?.renewals[0] ?? null;
    return { ...rest, denial: denialCode, freeAt: nextFreeAt, quota: quotas[0] ?? null, renewal };
  }

  async view(isvId: string, licenseId: string, now: Millis): Promise<View> {
    const { tokensInUse, tokensOut, checkIns, assigned, assignments, live, projects, users, quotas, queue } =
      this.#model.snapshot(isvId, licenseId, now);
    const quota = (id: string) => quotas.find(({ limitationId }) => limitationId === id);
    return {
      inUse: tokensInUse,
      out: tokensOut,
      checkIns,
      holding: assigned,
      known: assignments.length,
      live,
      assignments,
      projects,
      registered: users,
      quota,
      waiting: queue,
    };
  }

  async sight(isvId: string, licenseId: string): Promise<Sight | null> {
    const license = this.#model.license(isvId, licenseId);
    return license === undefined ? null : sightOfModel(license);
  }

  async history(isvId: string, licenseId: string) {
    return this.#model.history(isvId, licenseId);
  }
}

/** One section being played: the step clock, and the names that the table gave to things. */
class Scene {
  readonly #side: Side;
  #now: Millis = start;
  #leadMs = 0;
  #ids = 0;
  readonly #settings = new Map<string, LicenseSetting>();
  readonly #sessions = new Map<string, string>();
  /** The values of answers, by the names that the table gives them. */
  readonly #renewals = new Map<string, string>();
  readonly #numbers = new Map<string, number>();
  /** The ids of projects, and of executions, by the names that the table gives them. */
  readonly #projects = new Map<string, string>();
  readonly #transactions = new Map<string, string>();

  constructor(side: Side) {
    this.#side = side;
  }

  async play({ lines }: Section): Promise<void> {
    for (const line of lines) {
      try {
        await this.#line(line);
      } catch (error) {
        (error as Error).message = `${line.place}: ${(error as Error).message}\n    ${line.text}`;
        throw error;
      }
    }
  }

  async #line({ act, expected }: Line): Promise<void> {
    switch (act.verb) {
      case "tick":
        this.#now += act.ms;
        return;
      case "ahead":
        this.#leadMs = act.ms;
        return;
      case "hold":
        return this.#side.hold(this.#now + this.#leadMs);
      case "licence":
        return this.#declare(act);
      case "change":
        return this.#save(act.licence, { ...this.#setting(act.licence), ...fromStart(act.setting) });
      case "out":
        expect((await this.#view(act.licence)).out).toBe(act.count);
        return;
      case "check-ins":
        expect((await this.#view(act.licence)).checkIns).toBe(act.count);
        return;
      case "in-use":
        expect((await this.#view(act.licence)).inUse).toBe(act.count);
        return;
      case "waiting":
        expect((await this.#view(act.licence)).waiting.map(({ clientId }) => clientId)).toEqual(act.who);
        return;
      case "clients": {
        const { holding, known } = await this.#view(act.licence);
        expect({ holding, known }).toEqual({ holding: act.holding, known: act.known });
        return;
      }
      case "live": {
        const id = this.#session(act.who);
        const session = (await this.#view(act.licence)).live.find((one) => one.id === id);
        expect(session === undefined ? null : session.validUntil - start).toBe(act.until);
        return;
      }
      case "left": {
        const { isvId, licenseId } = this.#setting(act.licence);
        const { used, terms } = withoutOver((await this.#side.sight(isvId, licenseId)) as Sight, this.#now);
        const left = (kind: "mono" | "team") => Math.max(0, terms.projectTokens[kind] - used[kind]);
        expect({ mono: left("mono"), team: left("team") }).toEqual({ mono: act.mono, team: act.team });
        return;
      }
      case "quota": {
        const limitationId = limitationIdOf(act.limitation);
        const limit = this.#setting(act.licence).limits.find(({ name }) => name === act.limitation)?.value ?? 0;
        const quota = (await this.#view(act.licence)).quota(limitationId);
        const until = quota?.until == null ? null : quota.until - start;
        const stands = { left: limit - (quota?.used ?? 0) / 1e6, from: (quota?.from ?? 0) - start, until };
        expect(stands).toEqual({ left: act.left, from: act.from, until: act.until });
        return;
      }
      case "users": {
        const { registered } = await this.#view(act.licence);
        const active = registered.filter(({ isActive }) => isActive).length;
        expect({ active, all: registered.length }).toEqual({ active: act.active, all: act.all });
        return;
      }
      case "project":
        return this.#checkProject(act);
      case "history": {
        const { isvId, licenseId } = this.#setting(act.licence);
        const lines = await this.#side.history(isvId, licenseId);
        expect(lines.map(({ kind }) => kind)).toEqual(act.lines.map(({ kind }) => kind));
        act.lines.forEach(({ at, isOveruse }, n) => {
          expect(lines[n]?.isOveruse).toBe(isOveruse);
          if (at !== null) expect((lines[n] as { at: Millis }).at - start).toBe(at);
        });
        return;
      }
      default: {
        const command = await this.#command(act);
        const at = this.#now + this.#leadMs;
        const sight = () => this.#side.sight(command.isvId, command.licenseId);
        const before = await sight();
        const answer = await this.#side.step(command, at);
        const after = await sight();
        if (before?.terms.clientType === "projects" && after !== null) {
          expect(broken(withoutOver(before, at), after, command, answer.denial)).toEqual([]);
        }
        if (act.verb === "open" && act.renewal !== null && answer.renewal !== null)
          this.#renewals.set(act.renewal.next, answer.renewal);
        if (act.verb === "open" && act.as !== null && answer.session !== null)
          this.#sessions.set(act.as, answer.session.id);
        if (act.verb === "consume" && act.as !== null && answer.quota?.transactionId != null)
          this.#transactions.set(act.as, answer.quota.transactionId);
        this.#check(command, answer, expected as Expected);
      }
    }
  }

  #declare(act: Extract<Act, { verb: "licence" }>): Promise<void> {
    if (this.#settings.has(act.licence)) throw new Error(`there is a licence ${act.licence} already: change it`);
    const number = (kind: string, name: string) => {
      const place = `${kind} ${name}`;
      const known =
        this.#numbers.get(place) ?? [...this.#numbers.keys()].filter((key) => key.startsWith(`${kind} `)).length + 1;
      this.#numbers.set(place, known);
      return known;
    };
    const setting = licenseSetting({
      isvId: isvIdOf(number("vendor", act.from.vendor)),
      licenseId: licenseIdOf(this.#settings.size + 1),
      productId: productIdOf(number("product", act.from.product)),
      customerId: customerIdOf(number("customer", act.from.customer)),
      ...fromStart(act.setting),
    });
    return this.#save(act.licence, setting);
  }

  async #save(licence: string, setting: LicenseSetting): Promise<void> {
    this.#settings.set(licence, setting);
    await this.#side.save(setting);
  }

  #setting(licence: string): LicenseSetting {
    const setting = this.#settings.get(licence);
    if (setting === undefined) throw new Error(`there is no licence ${licence}`);
    return setting;
  }

  async #view(licence: string): Promise<View> {
    const { isvId, licenseId } = this.#setting(licence);
    return this.#side.view(isvId, licenseId, this.#now + this.#leadMs);
  }

  #session(name: string): string {
    const id = this.#sessions.get(name);
    if (id === undefined) throw new Error(`there is no session called ${name}: name one with "as ${name}"`);
    return id;
  }

  /** The client's assignment; `nobody` is a client that does not exist. */
  async #assignment(licence: string, client: string): Promise<{ readonly id: string; readonly tokenKey: string }> {
    if (client === "nobody") return { id: freshId(7, 0), tokenKey: freshId(8, 0) };
    const { assignments } = await this.#view(licence);
    const found = assignments.find(({ clientId }) => clientId === client);
    if (found === undefined) throw new Error(`${licence} does not know the client ${client}`);
    return found;
  }

  /** A project called `nowhere` does not exist, and neither does an execution called so. */
  #project(name: string): string {
    const id = name === "nowhere" ? freshId(10, 0) : this.#projects.get(name);
    if (id === undefined) throw new Error(`there is no project ${name}`);
    return id;
  }

  #execution(project: string, name: string): string {
    const id = name === "nowhere" ? freshId(11, 0) : this.#projects.get(`${project}/${name}`);
    if (id === undefined) throw new Error(`there is no execution ${name} of ${project}`);
    return id;
  }

  async #checkProject(act: Extract<Act, { verb: "project" }>): Promise<void> {
    const { projects, live } = await this.#view(act.licence);
    const id = this.#project(act.project);
    const project = projects.find((one) => one.id === id);
    expect(project === undefined ? "gone" : (project.kind ?? "closed")).toBe(act.state);
    if (act.users !== null) expect(live.filter(({ holder }) => holder === id).length).toBe(act.users);
    const saved = project?.savedAt == null ? "never" : project.savedAt - start;
    if (act.saved !== null) expect(saved).toBe(act.saved);
    for (const { name, state, done } of act.executions) {
      const execution = project?.executions.find((one) => one.id === this.#execution(act.project, name));
      expect(execution?.state ?? "forgotten").toBe(state);
      if (done !== null) expect(execution?.unitsDone).toBe(done);
    }
  }

  async #command(
    act: Exclude<
      Act,
      {
        verb:
          | "licence"
          | "change"
          | "hold"
          | "tick"
          | "ahead"
          | "in-use"
          | "waiting"
          | "out"
          | "check-ins"
          | "live"
          | "clients"
          | "history"
          | "left"
          | "quota"
          | "users"
          | "project";
      }
    >,
  ): Promise<Command> {
    // A licence called `none` is one that does not exist.
    const { isvId, licenseId } =
      act.licence === "none" ? { isvId: isvIdOf(1), licenseId: licenseIdOf(99) } : this.#setting(act.licence);
    const place = { isvId, licenseId };
    const n = ++this.#ids;
    const ids = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
    switch (act.verb) {
      case "open": {
        const { client: clientId, session: sessionId, user: userId, checkout: checkoutPeriod } = act;
        const projectId = act.project === null ? null : this.#project(act.project);
        const voucher = act.voucher === null ? null : { deviceKey: act.voucher === "anywhere" ? null : act.voucher };
        const last = act.renewal === null ? "" : (this.#renewals.get(act.renewal.last) ?? act.renewal.last);
        const renewal = act.renewal === null ? null : { last, next: act.renewal.next };
        return {
          type: "open",
          ...place,
          clientId,
          sessionId,
          userId,
          projectId,
          checkoutPeriod,
          voucher,
          renewal,
          address: act.address,
          waitMs: act.wait,
          ids,
        };
      }
      case "create": {
        const id = freshId(10, n);
        // A name that is taken stays with the project that has it.
        if (!this.#projects.has(act.project)) this.#projects.set(act.project, id);
        return { type: "project.create", ...place, name: act.project, id };
      }
      case "open-project":
        return { type: "project.open", ...place, projectId: this.#project(act.project), kind: act.kind };
      case "save":
        return { type: "project.save", ...place, projectId: this.#project(act.project) };
      case "close-project":
        return { type: "project.close", ...place, projectId: this.#project(act.project), force: act.force };
      case "delete":
        return { type: "project.delete", ...place, projectId: this.#project(act.project), force: act.force };
      case "switch":
        return { type: "project.kind", ...place, projectId: this.#project(act.project), kind: act.kind };
      case "run": {
        const id = freshId(11, n);
        this.#projects.set(`${act.project}/${act.execution}`, id);
        const { execution: name, session: sessionId, units: unitsTotal } = act;
        const rest = { sessionId, name, unitsTotal, id, secretHash: "0".repeat(64) };
        return { type: "execution.start", ...place, projectId: this.#project(act.project), ...rest };
      }
      case "report": {
        const projectId = this.#project(act.project);
        const executionId = this.#execution(act.project, act.execution);
        const { done: unitsDone, message, state } = act;
        return { type: "execution.report", ...place, projectId, executionId, unitsDone, message, state };
      }
      case "close": {
        const givenUp = act.givenUp && { voucherId: this.#session(act.givenUp.who), deviceKey: act.givenUp.device };
        return { type: "close", ...place, clientId: act.client, sessionId: act.session, userId: act.user, givenUp };
      }
      case "end":
        return {
          type: "end",
          ...place,
          id: act.who === "all" ? null : act.who === "nobody" ? freshId(6, 0) : this.#session(act.who),
        };
      case "activate": {
        const tokenKey = act.token === null ? null : (await this.#assignment(act.licence, act.token)).tokenKey;
        const nothing = { clientName: null, clientDescription: null, softwareVersion: act.release };
        return { type: "activate", ...place, clientId: act.client, ...nothing, tokenKey, ids };
      }
      case "unassign":
        return { type: "unassign", ...place, tokenKey: (await this.#assignment(act.licence, act.client)).tokenKey };
      case "heartbeat": {
        const tokenKey = act.token === null ? null : (await this.#assignment(act.licence, act.token)).tokenKey;
        const system = { softwareVersion: "25.0", operatingSystem: "Linux" };
        return { type: "heartbeat", ...place, clientId: act.client, tokenKey, userId: null, ...system };
      }
      case "suspend": {
        const until = act.until === null ? null : start + act.until;
        return { type: "suspend", ...place, assignmentId: (await this.#assignment(act.licence, act.client)).id, until };
      }
      case "consume": {
        const tokenKey = act.token === null ? null : (await this.#assignment(act.licence, act.token)).tokenKey;
        const transactionId = freshId(14, n);
        const about = { userId: null, externalId: null, happenedAt: null, transactionId };
        const amount = Math.round(act.units * 1e6);
        const wanted = [{ limitationId: limitationIdOf(act.limitation), amount, ...about }];
        return { type: "consume", ...place, clientId: act.client, tokenKey, userId: null, wanted };
      }
      case "roll-back": {
        const transactionId = act.transaction === "nothing" ? freshId(14, 0) : this.#transaction(act.transaction);
        return { type: "consumption.rollback", ...place, limitationId: limitationIdOf(act.limitation), transactionId };
      }
      case "reset":
        return { type: "quota.reset", ...place, limitationId: limitationIdOf(act.limitation) };
      case "user":
        if (act.act === "delete") return { type: "user.delete", ...place, userId: act.user };
        return {
          type: "user.put",
          ...place,
          userId: act.user,
          name: act.name,
          isActive: act.isActive,
          isNew: act.act === "add",
        };
      case "gather": {
        const tokenKey = act.token === null ? null : (await this.#assignment(act.licence, act.token)).tokenKey;
        const about = { subjectId: freshId(15, 1), moduleId: null, texts: [], amount: 1, happenedAt: null };
        return {
          type: "gather",
          ...place,
          clientId: act.client,
          tokenKey,
          userId: null,
          kind: "usage",
          values: [about],
        };
      }
      case "sweep":
        return { type: "sweep", ...place };
      case "settle":
        return { type: "settle", ...place };
      case "outage":
        return { type: "credit", ...place, from: start + act.from, lengthMs: act.ms };
    }
  }

  #transaction(name: string): string {
    const id = this.#transactions.get(name);
    if (id === undefined) throw new Error(`there is no consumption called ${name}: name one with "as ${name}"`);
    return id;
  }

  /** What is left of the limitation that a command is about. */
  #left(command: Command, { quota }: Answer): number {
    const limitationId =
      command.type === "consume"
        ? command.wanted[0]?.limitationId
        : "limitationId" in command
          ? command.limitationId
          : "";
    const limits = [...this.#settings.values()].find(({ licenseId }) => licenseId === command.licenseId)?.limits ?? [];
    const value = limits.find(({ name }) => limitationIdOf(name) === limitationId)?.value ?? 0;
    return Math.round(value * 1e6 - (quota?.used ?? 0)) / 1e6;
  }

  #check(command: Command, answer: Answer, expected: Expected): void {
    expect(answer.denial ?? grantedWord(command, answer)).toBe(expected.word);
    const sinceStart = (at: Millis | null) => (at === null ? null : at - start);
    if (expected.inUse !== null) expect([answer.inUse, answer.limit]).toEqual([expected.inUse, expected.limit]);
    if (expected.freeAt !== null) expect(sinceStart(answer.freeAt)).toBe(expected.freeAt);
    if (expected.place !== null) expect(answer.queuePosition ?? 0).toBe(expected.place);
    if (expected.until !== null) expect(sinceStart(answer.session?.validUntil ?? null)).toBe(expected.until);
    if (expected.isOveruse !== null) expect(answer.session?.isOveruse).toBe(expected.isOveruse);
    if (expected.isGoodwill !== null) expect(answer.assignment?.isGoodwill).toBe(expected.isGoodwill);
    if (expected.left !== null) expect(`${answer.refusal?.left}/${answer.refusal?.total}`).toBe(expected.left);
    if (expected.holders !== null)
      expect(answer.refusal?.holders.map((one) => one.userId).sort()).toEqual([...expected.holders].sort());
    if (expected.execution !== null) expect(answer.refusal?.execution?.name ?? "none").toBe(expected.execution);
    if (expected.count !== null) expect(answer.ended).toBe(expected.count);
    if (expected.units !== null) expect(this.#left(command, answer)).toBe(expected.units);
  }
}

function grantedWord(command: Command, answer: Answer): string {
  switch (command.type) {
    case "open":
      return answer.session?.id === command.ids.session ? "opened" : "extended";
    case "close":
      return "closed";
    case "end":
      return "ended";
    case "activate":
      return "activated";
    case "unassign":
      return "unassigned";
    case "heartbeat":
      return "seen";
    case "suspend":
      return command.until === null ? "lifted" : "suspended";
    case "sweep":
      return "swept";
    case "credit":
      return "noted";
    case "settle":
      return "settled";
    case "project.create":
      return "created";
    case "project.open":
      return "open";
    case "project.save":
      return "saved";
    case "project.close":
      return "closed";
    case "project.delete":
      return "deleted";
    case "project.kind":
      return "switched";
    case "execution.start":
      return "running";
    case "execution.report":
      return "reported";
    case "consume":
      return answer.quota?.transactionId == null ? "refused" : "consumed";
    case "consumption.rollback":
      return "returned";
    case "quota.reset":
      return "reset";
    case "user.put":
      return command.isNew ? "added" : "changed";
    case "user.delete":
      return "deleted";
    case "gather":
      return "gathered";
  }
}

/** Tables count from the section's beginning; a licence's expiration is an instant. */
function fromStart(setting: Partial<LicenseSetting>): Partial<LicenseSetting> {
  return {
    ...setting,
    ...(setting.expiresAt != null && { expiresAt: start + setting.expiresAt }),
    ...(setting.startsAt != null && { startsAt: start + setting.startsAt }),
  };
}
