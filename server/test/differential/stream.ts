/**
 * A random stream of commands, the same for the same seed. It is drawn from the model's present state, because blindly
 * drawn commands are nearly all refused at the first check: ids come from small alphabets and from what is live, and
 * the clock often lands exactly on, just before or just after an end.
 */
import type { Command, Millis, NewIds, OpenCommand, ProjectKind } from "../../src/core/types.ts";
import type { Model, ModelSnapshot } from "../model/model.ts";
import {
  customerIdOf,
  freshId,
  isvIdOf,
  type LicenseSetting,
  type LimitSetting,
  licenseIdOf,
  licenseSetting,
  limitationIdOf,
  productIdOf,
} from "../model/vendor.ts";

/** mulberry32: small, good enough, and the same everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("nothing to pick from");
    return items[this.below(items.length)] as T;
  }

  weighted<T>(items: readonly (readonly [T, number])[]): T {
    let rest = this.next() * items.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [item, weight] of items) {
      rest -= weight;
      if (rest < 0) return item;
    }
    return (items.at(-1) as readonly [T, number])[0];
  }
}

/** What happens next: the catalogue changes, the file is opened again, or commands go through one transaction. */
export type Event =
  | { readonly type: "advance"; readonly ms: number }
  | { readonly type: "terms"; readonly setting: LicenseSetting }
  | { readonly type: "reopen" }
  | { readonly type: "transact"; readonly commands: readonly Timed[] };

/** `leadMs`: the command is stepped as if by a clock that ran ahead, to be settled later in the same transaction. */
export interface Timed {
  readonly command: Command;
  readonly leadMs: number;
}

const minute = 60_000;

/** Spellings of the same user on purpose: blanks, case, a composed and a decomposed letter, the sharp s. */
const users = [
  "anna@factor.com",
  " Anna@Factor.com",
  "ben@factor.com",
  "eve@other.org",
  "jos\u00e9@factor.com",
  "jose\u0301@Factor.com",
  "stra\u00dfe@factor.com",
  "STRASSE@factor.com",
];
const devices = ["d1", "D1", "d2", "d3", "d4"];
const usersOfNamed = ["anna@factor.com", "ANNA@factor.com", "ben@factor.com", "carl@factor.com", "dora@other.org"];
/** Spellings of the same project name on purpose. */
const projectNames = ["A", " a", "B", "C", "D", "stra\u00dfe", "STRASSE"];
const kinds: readonly ProjectKind[] = ["mono", "team"];
const sessionIds = [freshId(9, 1), freshId(9, 2), freshId(9, 3)];

/** Limitations of which something is consumed, of every kind; and one that is a plain number. */
const limitsOf = (random: Random): LimitSetting[] => {
  const limit = (name: string, reset: LimitSetting["reset"], more: Partial<LimitSetting> = {}): LimitSetting => {
    return { name, value: 2 + random.below(20), reset, days: 1 + random.below(2), goodwill: 0, isHard: true, ...more };
  };
  return [
    limit("Docs", "days", { goodwill: 20 }),
    limit("Pages", random.pick(["month", "quarter", "year"] as const)),
    limit("Life", "lifecycle", { isHard: random.chance(0.5) }),
    limit("Endless", "month", { value: null }),
    limit("Number", null),
  ];
};

const usable = { isActive: true, expiresAt: null, domains: [], requiresSessionId: false } as const;

export class Stream {
  readonly random: Random;
  readonly #model: Model;
  readonly #settings: LicenseSetting[];
  #ids = 0;
  /** A project licence that the stream stays with for a while: its users would lapse before they meet otherwise. */
  #focus: { readonly n: number; left: number } | null = null;

  constructor(random: Random, model: Model, settings: LicenseSetting[]) {
    this.random = random;
    this.#model = model;
    this.#settings = settings;
  }

  next(now: Millis): Event {
    if (this.#focus !== null) return this.#focused(this.#focus, now);
    return this.random.weighted<() => Event>([
      [() => ({ type: "advance", ms: this.#timeStep(now) }), 16],
      [() => ({ type: "terms", setting: this.#changedTerms(now) }), 5],
      [() => ({ type: "reopen" }), 0.5],
      [() => ({ type: "transact", commands: [{ command: this.#command(this.#license(), now), leadMs: 0 }] }), 50],
      [() => ({ type: "transact", commands: this.#batch(now) }), 16],
      [() => ({ type: "transact", commands: this.#clockSetBack(now) }), 1.5],
      [() => ({ type: "transact", commands: this.#queueUp(now) }), 1],
      [() => this.#beginFocus(), 2],
    ])();
  }

  /** The licence is made usable first. */
  #beginFocus(): Event {
    const numbers = this.#settings.flatMap((setting, n) => (setting.type === "projects" ? [n] : []));
    const n = this.random.pick(numbers);
    this.#focus = { n, left: 15 + this.random.below(30) };
    return { type: "terms", setting: this.#change(n, { ...usable, requiresUserId: this.random.chance(0.1) }) };
  }

  #focused(focus: { readonly n: number; left: number }, now: Millis): Event {
    const { random } = this;
    if (focus.left-- <= 0) this.#focus = null;
    const setting = this.#settings[focus.n] as LicenseSetting;
    return random.weighted<() => Event>([
      [() => ({ type: "transact", commands: [{ command: this.#command(setting, now), leadMs: 0 }] }), 30],
      [() => ({ type: "terms", setting: this.#change(focus.n, this.#changedProjects(setting, now)) }), 2],
      [() => ({ type: "advance", ms: random.below(10_000) }), 4],
      [() => ({ type: "reopen" }), 0.3],
      [() => ({ type: "transact", commands: this.#manyExecutions(setting, now) }), 0.7],
    ])();
  }

  /** More than may run, and after some reports more than are remembered. */
  #manyExecutions(setting: LicenseSetting, now: Millis): Timed[] {
    const { live } = this.#snapshot(setting, now);
    const starters = live.filter(({ sessionId }) => sessionId !== null);
    if (starters.length === 0) return [{ command: this.#command(setting, now), leadMs: 0 }];
    const { sessionId, holder: projectId } = this.random.pick(starters);
    const place = { isvId: setting.isvId, licenseId: setting.licenseId, projectId };
    const commands = Array.from({ length: 26 }, (): Command[] => {
      const id = freshId(11, ++this.#ids);
      const more = { name: "Many", unitsTotal: null, id, secretHash: id.padEnd(64, "0") };
      const started: Command = { type: "execution.start", ...place, sessionId: sessionId as string, ...more };
      if (this.random.chance(0.5)) return [started];
      const report = { executionId: id, unitsDone: null, message: null, state: "finished" } as const;
      return [started, { type: "execution.report", ...place, ...report }];
    });
    return commands.flat().map((command) => ({ command, leadMs: 0 }));
  }

  #license(): LicenseSetting {
    return this.random.pick(this.#settings);
  }

  #snapshot(setting: LicenseSetting, now: Millis): ModelSnapshot {
    return this.#model.snapshot(setting.isvId, setting.licenseId, now);
  }

  /** Mostly to an end of something, or one millisecond beside it. */
  #timeStep(now: Millis): number {
    if (this.random.chance(0.25)) return this.random.below(minute);
    const ends = this.#settings.flatMap((setting) => {
      const { live, ended, assignments, terms } = this.#snapshot(setting, now);
      const suspensions = assignments.flatMap(({ suspendedUntil }) =>
        suspendedUntil === null ? [] : [suspendedUntil],
      );
      const periods = this.#snapshot(setting, now).quotas.flatMap(({ until }) => until ?? []);
      const sessions = [...live, ...ended].flatMap(({ validUntil, checkoutUntil }) => [
        validUntil,
        checkoutUntil ?? validUntil,
      ]);
      return [...sessions, ...periods, ...suspensions, ...(terms.expiresAt === null ? [] : [terms.expiresAt])];
    });
    const near = ends.filter((end) => end > now && end - now < 30 * minute).sort((a, b) => a - b);
    if (near.length === 0) return this.random.below(minute);
    const end = this.random.chance(0.7) ? (near[0] as Millis) : this.random.pick(near);
    return Math.max(
      0,
      end -
        now +
        this.random.weighted([
          [0, 6],
          [-1, 2],
          [1, 2],
        ] as const),
    );
  }

  #changedTerms(now: Millis): LicenseSetting {
    const { random } = this;
    const n = random.below(this.#settings.length);
    const old = this.#settings[n] as LicenseSetting;
    const isRestored = random.chance(0.7) && (!old.isActive || old.expiresAt !== null || old.domains.length > 0);
    if (old.type === "projects" && random.chance(0.7)) return this.#change(n, this.#changedProjects(old, now));
    const change: Partial<LicenseSetting> = isRestored
      ? { isActive: true, expiresAt: null, domains: [], requiresSessionId: false, requiresUserId: false }
      : random.weighted<() => Partial<LicenseSetting>>([
          [() => ({ tokens: random.below(4) }), 5],
          [() => ({ sessionsPerHolder: random.below(4) }), 3],
          [() => ({ periodMinutes: random.pick([1, 2, 5, 7, null]) }), 4],
          [() => ({ isActive: !old.isActive }), 2],
          [() => ({ expiresAt: random.chance(0.5) ? null : now + random.below(6 * minute) - minute }), 3],
          [() => ({ isHard: !old.isHard }), 2],
          [() => ({ assignable: random.below(4), goodwill: random.below(2) }), 3],
          [() => ({ checkoutMaxMinutes: random.pick([0, 3, 20, 43_200]) }), 1],
          [() => ({ checkedOutMax: random.pick([null, 0, 1, 2]), checkoutReserve: random.below(2) }), 2],
          [() => ({ checkInsMax: random.pick([null, 0, 2]) }), 2],
          [() => ({ domains: random.chance(0.5) ? ["factor.com"] : [] }), 2],
          [() => ({ requiresSessionId: !old.requiresSessionId }), 2],
          [() => ({ requiresUserId: !old.requiresUserId }), 1],
          [() => ({ oneSessionPerUser: old.mode === "floating" && !old.oneSessionPerUser }), 3],
          [() => ({ heartbeatsExtend: !old.heartbeatsExtend }), 3],
          [() => ({ activatesOnOpen: random.pick([null, true, false]) }), 2],
          [() => ({ userLimit: random.pick([null, 0, 1, 2]) }), 2],
          [() => ({ release: random.pick([null, "24.1", "25"]), allowsUncovered: random.chance(0.3) }), 2],
          [() => ({ limits: this.#changedLimits(old) }), 3],
        ])();
    return this.#change(n, change);
  }

  /** Only what does not change the periods: with other periods quotas begin anew. */
  #changedLimits({ limits }: LicenseSetting): readonly LimitSetting[] {
    const { random } = this;
    const chosen = random.below(limits.length);
    return limits.map((limit, n) =>
      n !== chosen || limit.value === null
        ? limit
        : { ...limit, value: random.below(30), goodwill: random.pick([0, 10, 50]), isHard: random.chance(0.8) },
    );
  }

  #change(n: number, change: Partial<LicenseSetting>): LicenseSetting {
    const old = this.#settings[n] as LicenseSetting;
    const setting = { ...old, ...change };
    this.#settings[n] = setting;
    return setting;
  }

  /** Pools grow and shrink, and what the edition allows comes and goes. */
  #changedProjects(old: LicenseSetting, now: Millis): Partial<LicenseSetting> {
    const { random } = this;
    return random.weighted<() => Partial<LicenseSetting>>([
      [() => ({ mono: random.below(4), team: random.below(3) }), 6],
      [() => ({ defaultKind: random.pick([null, ...kinds]) }), 2],
      [() => ({ allowsSwitch: !old.allowsSwitch }), 3],
      [() => ({ sharesMono: !old.sharesMono }), 2],
      [() => ({ isHard: random.chance(0.8) }), 1],
      [() => ({ checkedOutMax: random.pick([null, 1]), checkoutReserve: random.below(3) }), 1],
      [() => ({ checkInsMax: random.pick([null, 0, 2]) }), 1],
      [() => ({ isActive: random.chance(0.7) }), 1],
      [() => ({ expiresAt: random.chance(0.5) ? null : now + random.below(3_000) }), 1],
    ])();
  }

  #batch(now: Millis): Timed[] {
    const size = 2 + this.random.below(5);
    const same = this.#license();
    // Later commands of a batch are drawn from the state before it: repeats and contradictions are welcome.
    const draw = () => this.#command(this.random.chance(0.7) ? same : this.#license(), now);
    const commands = Array.from({ length: size }, draw);
    // Not a consumption, whose transactions would have one id twice: the server draws fresh ones.
    if (this.random.chance(0.3) && commands[0]?.type !== "consume") commands.push(commands[0] as Command);
    return commands.map((command) => ({ command, leadMs: 0 }));
  }

  /** On a full licence two wait, somebody leaves, and one more asks: what is free then is for those who wait. */
  #queueUp(now: Millis): Timed[] {
    const full = this.#settings.filter((setting) => {
      if (setting.type !== "users" || setting.mode !== "floating" || !setting.isHard) return false;
      const { live } = this.#snapshot(setting, now);
      return setting.tokens > 0 && new Set(live.map(({ holder }) => holder)).size >= setting.tokens;
    });
    if (full.length === 0) return this.#batch(now);
    const setting = this.random.pick(full);
    const leaves = this.random.pick(this.#snapshot(setting, now).live);
    const asks = (waitMs: number | null): Command => {
      return {
        ...this.#open(setting, now),
        clientId: this.#client(setting),
        userId: null,
        checkoutPeriod: null,
        waitMs,
      };
    };
    const { isvId, licenseId } = setting;
    const { clientId, sessionId, userId } = leaves;
    const close: Command = { type: "close", isvId, licenseId, clientId, sessionId, userId };
    return [asks(30_000), asks(30_000), close, asks(null)].map((command) => ({ command, leadMs: 0 }));
  }

  /** Commands by a clock that runs ahead, then the settling by the right one. */
  #clockSetBack(now: Millis): Timed[] {
    const setting = this.#license();
    const leadMs = this.random.pick([minute - 1, minute, minute + 1, 5 * minute]);
    const ahead = Array.from({ length: 1 + this.random.below(3) }, () => this.#open(setting, now));
    const settle: Command = { type: "settle", isvId: setting.isvId, licenseId: setting.licenseId };
    return [...ahead.map((command) => ({ command, leadMs })), { command: settle, leadMs: 0 }];
  }

  #fresh(): NewIds {
    const n = ++this.#ids;
    return { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
  }

  #client(setting: LicenseSetting): string {
    return this.random.pick(setting.type === "devices" ? devices : setting.mode === "named" ? usersOfNamed : users);
  }

  #command(setting: LicenseSetting, now: Millis): Command {
    const place = { isvId: setting.isvId, licenseId: setting.licenseId };
    const { random } = this;
    const isUnknown = random.chance(0.01);
    const at = isUnknown ? { ...setting, licenseId: licenseIdOf(99) } : setting;
    if (random.chance(setting.type === "projects" ? 0.45 : 0.01)) {
      return { ...this.#project(setting, now), licenseId: at.licenseId };
    }
    const command = random.weighted<() => Command>([
      [() => this.#consume(setting, now), setting.limits.length > 0 ? 16 : 0.5],
      [() => this.#rollBack(setting, now), setting.limits.length > 0 ? 6 : 0.2],
      [() => this.#resetQuota(setting), setting.limits.length > 0 ? 1.5 : 0.1],
      [() => this.#gather(setting, now), 2],
      [() => this.#user(setting, now), setting.mode === "named" && setting.type === "users" ? 20 : 1],
      [() => this.#open(setting, now), 42],
      [() => this.#close(setting, now), 12],
      [() => this.#end(setting, now), 4],
      [() => this.#activate(setting, now), setting.mode === "named" || setting.type === "devices" ? 16 : 6],
      [() => this.#unassign(setting, now), 6],
      [() => this.#heartbeat(setting, now), 10],
      [() => this.#suspend(setting, now), 4],
      [() => ({ type: "sweep", ...place }), 3],
      [() => this.#credit(setting, now), 3],
    ])();
    return { ...command, licenseId: at.licenseId };
  }

  #open(setting: LicenseSetting, now: Millis): OpenCommand {
    const { random } = this;
    const { isvId, licenseId } = setting;
    const { live, ended } = this.#snapshot(setting, now);
    const known = random.chance(0.25) ? ended : live;
    const rest = {
      type: "open",
      isvId,
      licenseId,
      projectId: this.#projectToConnect(setting, now),
      checkoutPeriod: random.weighted([
        [null, 10],
        [0, 2],
        [0.5, 1],
        [2, 2],
        [10, 3],
        [-1, 0.5],
        [43_200, 0.3],
        [43_200.5, 0.5],
      ] as const),
      ids: this.#fresh(),
      voucher: random.weighted([
        [null, 8],
        [{ deviceKey: "laptop" }, 2],
        [{ deviceKey: "tower" }, 1],
        [{ deviceKey: null }, 1],
      ]),
      address: random.pick([null, 1, 1, 1, 2, 3]),
      waitMs: random.weighted([
        [null, 6],
        [5_000, 1],
        [30_000, 2],
        [600_000, 1],
      ]),
    } as const;
    if (setting.type === "projects" && live.length > 0 && random.chance(0.12)) {
      // The same user once more, now and then on another machine.
      const { clientId: host, userId: user, holder: projectId } = random.pick(live);
      const isElsewhere = random.chance(0.3);
      const clientId = isElsewhere ? this.#client(setting) : host;
      const userId = isElsewhere ? (user ?? host) : user;
      return { ...rest, clientId, userId, projectId, sessionId: random.pick([...sessionIds, freshId(9, this.#ids)]) };
    }
    if (known.length > 0 && random.chance(0.5)) {
      const { clientId, sessionId, userId, holder, renewals } = random.pick(known);
      const other = random.weighted([
        [userId, 7],
        [null, 3],
        [random.pick(users), 2],
      ] as const);
      const isBack = setting.type === "projects" && random.chance(0.6);
      const renewal = this.#renewal(renewals);
      return { ...rest, clientId, sessionId, userId: other, renewal, ...(isBack && { projectId: holder }) };
    }
    const clientId = this.#client(setting);
    const sessionId = random.chance(0.3) ? null : random.pick(sessionIds);
    const userId = random.chance(setting.type === "users" ? 0.4 : 0.1) ? random.pick(users) : null;
    return { ...rest, clientId, sessionId, userId, renewal: this.#renewal([]) };
  }

  /** Mostly a value that is good, now and then one that a copy of the client has used up. */
  #renewal(renewals: readonly string[]) {
    const { random } = this;
    if (random.chance(renewals.length === 0 ? 0.6 : 0.2)) return null;
    const last = random.chance(0.8)
      ? random.pick([...renewals, ""])
      : random.pick(["", "used up", "0-used-up", "7-not-yet-given"]);
    return { last, next: freshId(12, ++this.#ids) };
  }

  /** Mostly one that is open; elsewhere none, or one that nobody looks at. */
  #projectToConnect(setting: LicenseSetting, now: Millis): string | null {
    const { random } = this;
    if (setting.type !== "projects") return random.chance(0.02) ? freshId(10, 0) : null;
    const { projects } = this.#snapshot(setting, now);
    const open = projects.filter(({ kind }) => kind !== null);
    if (open.length > 0 && random.chance(0.85)) return random.pick(open).id;
    return random.pick([...projects.map(({ id }) => id), freshId(10, 0), null]);
  }

  #project(setting: LicenseSetting, now: Millis): Command {
    const { random } = this;
    const place = { isvId: setting.isvId, licenseId: setting.licenseId };
    const { projects, live } = this.#snapshot(setting, now);
    const create = (): Command => {
      return { type: "project.create", ...place, name: random.pick(projectNames), id: freshId(10, ++this.#ids) };
    };
    if (projects.length < 2) return create();
    const project = random.pick(projects);
    const projectId = random.chance(0.03) ? freshId(10, 0) : project.id;
    const force = random.chance(0.3);
    const kind = random.pick(kinds);
    const running = projects.flatMap((one) => one.executions.map(() => one));
    return random.weighted<() => Command>([
      [create, 2],
      [() => ({ type: "project.open", ...place, projectId, kind: random.chance(0.25) ? null : kind }), 12],
      [() => ({ type: "project.save", ...place, projectId }), 2],
      [() => ({ type: "project.close", ...place, projectId, force }), 7],
      [() => ({ type: "project.delete", ...place, projectId, force }), 1.5],
      [
        () => {
          const attended = random.chance(0.6) && live.length > 0 ? random.pick(live).holder : projectId;
          const other = projects.find(({ id }) => id === attended)?.kind === "mono" ? "team" : "mono";
          return { type: "project.kind", ...place, projectId: attended, kind: random.chance(0.7) ? other : kind };
        },
        9,
      ],
      [
        () => {
          const starter = live.length > 0 && random.chance(0.8) ? random.pick(live) : null;
          const named = starter !== null && random.chance(0.9) ? starter.holder : projectId;
          const drawn = starter?.sessionId ?? random.pick(sessionIds);
          const isNameless = starter !== null && starter.sessionId === null;
          const who = isNameless ? { sessionId: null, client: starter.clientId } : { sessionId: drawn };
          const id = freshId(11, ++this.#ids);
          const more = { name: "Trace", unitsTotal: random.pick([null, 100]), id, secretHash: id.padEnd(64, "0") };
          return { type: "execution.start", ...place, projectId: named, ...who, ...more };
        },
        8,
      ],
      [
        () => {
          const one = running.length > 0 && random.chance(0.9) ? random.pick(running) : project;
          const ids = one.executions.map(({ id }) => id);
          return {
            type: "execution.report",
            ...place,
            projectId: random.chance(0.95) ? one.id : projectId,
            executionId: ids.length > 0 && random.chance(0.9) ? random.pick(ids) : freshId(11, 0),
            unitsDone: random.pick([null, random.below(100)]),
            message: random.pick([null, "half way"]),
            state: random.pick([null, "running", "finished", "failed"] as const),
          };
        },
        8,
      ],
    ])();
  }

  #close(setting: LicenseSetting, now: Millis): Command {
    const { random } = this;
    const { isvId, licenseId } = setting;
    const { live, ended } = this.#snapshot(setting, now);
    const known = [...live, ...live, ...ended];
    if (known.length > 0 && random.chance(0.8)) {
      const { id: voucherId, clientId, sessionId, userId, voucher } = random.pick(known);
      const deviceKey = random.chance(0.8) ? (voucher?.deviceKey ?? "laptop") : "tower";
      const givenUp = voucher !== null && random.chance(0.7) ? { voucherId, deviceKey } : null;
      return {
        type: "close",
        isvId,
        licenseId,
        clientId,
        sessionId,
        userId: random.chance(0.8) ? userId : null,
        givenUp,
      };
    }
    return {
      type: "close",
      isvId,
      licenseId,
      clientId: this.#client(setting),
      sessionId: random.pick([...sessionIds, null]),
      userId: null,
    };
  }

  #end(setting: LicenseSetting, now: Millis): Command {
    const { isvId, licenseId } = setting;
    const { live, ended } = this.#snapshot(setting, now);
    const known = [...live, ...live, ...live, ...ended].map(({ id }) => id);
    const id = this.random.chance(0.15) ? null : this.random.pick([...known, freshId(6, 0)]);
    return { type: "end", isvId, licenseId, id };
  }

  #activate(setting: LicenseSetting, now: Millis): Command {
    const { random } = this;
    const tokens = this.#snapshot(setting, now).assignments.map(({ tokenKey }) => tokenKey);
    return {
      type: "activate",
      isvId: setting.isvId,
      licenseId: setting.licenseId,
      clientId: this.#client(setting),
      clientName: random.pick([null, "Office", "Home"]),
      clientDescription: random.pick([null, "second floor"]),
      softwareVersion: random.pick([null, "24.1", "25.0"]),
      tokenKey: tokens.length > 0 && random.chance(0.1) ? random.pick(tokens) : null,
      ids: this.#fresh(),
    };
  }

  #unassign(setting: LicenseSetting, now: Millis): Command {
    const { assignments } = this.#snapshot(setting, now);
    const tokenKey = this.random.pick([...assignments.map((one) => one.tokenKey), freshId(8, 0)]);
    return { type: "unassign", isvId: setting.isvId, licenseId: setting.licenseId, tokenKey };
  }

  #heartbeat(setting: LicenseSetting, now: Millis) {
    const { random } = this;
    const { assignments } = this.#snapshot(setting, now);
    const one = assignments.length > 0 && random.chance(0.85) ? random.pick(assignments) : null;
    const other = assignments.length > 0 ? random.pick(assignments).tokenKey : null;
    return {
      type: "heartbeat" as const,
      isvId: setting.isvId,
      licenseId: setting.licenseId,
      clientId: one?.clientId ?? this.#client(setting),
      tokenKey: random.weighted([
        [one?.tokenKey ?? null, 5],
        [null, 4],
        [other, 1.5],
        [freshId(8, 0), 0.5],
      ] as const),
      userId: setting.type === "users" && random.chance(0.3) ? random.pick(users) : null,
      softwareVersion: random.pick(["24.1", "25.0"]),
      operatingSystem: random.pick(["Linux", "Windows"]),
    };
  }

  /** Whoever tells of use: as with heartbeats. */
  #telling(setting: LicenseSetting, now: Millis) {
    const { isvId, licenseId, clientId, tokenKey, userId } = this.#heartbeat(setting, now);
    return { isvId, licenseId, clientId, tokenKey, userId };
  }

  #limitation(setting: LicenseSetting): string {
    const names = setting.limits.map(({ name }) => name);
    return limitationIdOf(this.random.chance(0.97) && names.length > 0 ? this.random.pick(names) : "Unknown");
  }

  #consume(setting: LicenseSetting, now: Millis): Command {
    const { random } = this;
    const wanted = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => ({
      limitationId: this.#limitation(setting),
      amount: random.pick([0, -1_000_000, 500_000, 1_000_000, 3_000_000, 3_000_000, 7_000_001]),
      userId: null,
      externalId: null,
      happenedAt: null,
      transactionId: freshId(14, ++this.#ids),
    }));
    const [first] = wanted;
    // What was consumed is given back by the same client, in part or whole, often enough to be rolled back after that.
    if (first !== undefined && random.chance(0.4)) {
      const amount = -random.pick([500_000, 1_000_000, 3_000_000]);
      wanted.push({ ...first, amount, transactionId: freshId(14, ++this.#ids) });
    }
    return { type: "consume", ...this.#telling(setting, now), wanted };
  }

  #rollBack(setting: LicenseSetting, now: Millis): Command {
    const { random } = this;
    const { isvId, licenseId } = setting;
    const { transactions } = this.#snapshot(setting, now);
    const one =
      transactions.length > 0 ? random.pick(random.chance(0.8) ? transactions.slice(-3) : transactions) : null;
    const limitationId = one !== null && random.chance(0.95) ? one.limitationId : this.#limitation(setting);
    const transactionId = one !== null && random.chance(0.95) ? one.transactionId : freshId(14, 0);
    return { type: "consumption.rollback", isvId, licenseId, limitationId, transactionId };
  }

  #resetQuota(setting: LicenseSetting): Command {
    const { isvId, licenseId } = setting;
    return { type: "quota.reset", isvId, licenseId, limitationId: this.#limitation(setting) };
  }

  #gather(setting: LicenseSetting, now: Millis): Command {
    const value = { subjectId: freshId(15, 1), moduleId: null, texts: ["wide"], amount: null, happenedAt: null };
    return { type: "gather", kind: "analytical", ...this.#telling(setting, now), values: [value] };
  }

  #user(setting: LicenseSetting, now: Millis): Command {
    const { random } = this;
    const { isvId, licenseId } = setting;
    const known = this.#snapshot(setting, now).users.map(({ userId }) => userId);
    const userId = known.length > 0 && random.chance(0.7) ? random.pick(known) : random.pick(users);
    if (random.chance(0.25)) return { type: "user.delete", isvId, licenseId, userId };
    const name = random.pick([null, "Anna", "Ben"]);
    const isActive = random.pick([null, true, true, false]);
    return { type: "user.put", isvId, licenseId, userId, name, isActive, isNew: random.chance(0.5) };
  }

  #suspend(setting: LicenseSetting, now: Millis): Command {
    const { random } = this;
    const { assignments } = this.#snapshot(setting, now);
    return {
      type: "suspend",
      isvId: setting.isvId,
      licenseId: setting.licenseId,
      assignmentId: random.pick([...assignments.map(({ id }) => id), freshId(7, 0)]),
      until: random.chance(0.25) ? null : now + random.below(20 * minute),
    };
  }

  #credit(setting: LicenseSetting, now: Millis): Command {
    const lengthMs = this.random.pick([minute - 1, minute, minute + 1, 3 * minute, 120 * minute]);
    // From the beginning of an outage that ended just now, or only a moment ago.
    const from = now - this.random.pick([0, 1, lengthMs]);
    return { type: "credit", isvId: setting.isvId, licenseId: setting.licenseId, from, lengthMs };
  }
}

/** So that a period of days ends while the world lasts. */
function startsAt(random: Random, now: Millis): Millis {
  return now - 3 * 24 * 60 * minute + random.below(90 * minute);
}

/** Licences of every kind. One, two and three are of one product and customer: clients move between them. */
export function startingSettings(random: Random, now: Millis): LicenseSetting[] {
  const licence = (n: number, changes: Partial<LicenseSetting>) =>
    licenseSetting({
      licenseId: licenseIdOf(n),
      sessionsPerHolder: 1 + random.below(3),
      periodMinutes: random.pick([1, 2, 5]),
      tokens: 1 + random.below(3),
      expiresAt: random.chance(0.1) ? now + random.below(20 * minute) : null,
      ...changes,
    });
  const usersOf = { type: "users", productId: productIdOf(1) } as const;
  const devicesOf = { type: "devices", productId: productIdOf(2) } as const;
  return [
    licence(1, usersOf),
    // It ends while the world lasts.
    licence(2, { ...usersOf, isTemporary: true, expiresAt: now + 25 * minute }),
    licence(3, { ...usersOf, isHard: false, tokens: 1, heartbeatsExtend: true, limits: limitsOf(random) }),
    licence(4, { ...usersOf, customerId: customerIdOf(2), domains: ["factor.com"] }),
    licence(5, { ...devicesOf, heartbeatsExtend: true, limits: limitsOf(random), startsAt: startsAt(random, now) }),
    licence(6, { ...devicesOf, isHard: false, activatesOnOpen: true, release: "24.1", limits: limitsOf(random) }),
    licence(7, { ...devicesOf, mode: "named", assignable: 2, goodwill: 1, limits: limitsOf(random) }),
    licence(8, {
      type: "users",
      productId: productIdOf(3),
      mode: "named",
      assignable: 2,
      goodwill: 1,
      isTemporary: true,
      heartbeatsExtend: true,
      userLimit: 1,
      limits: limitsOf(random),
    }),
    // Three of ten, so that projects are reached often enough.
    ...[9, 10, 11].map((n) =>
      licence(n, {
        type: "projects",
        productId: productIdOf(4),
        isTemporary: n === 10,
        expiresAt: null,
        periodMinutes: 5,
        mono: 1 + random.below(2),
        team: 1,
        allowsSwitch: n !== 9,
        sharesMono: n === 11,
        heartbeatsExtend: n === 9,
        activatesOnOpen: n === 10 ? false : null,
      }),
    ),
    // Another vendor with the same ids everywhere.
    licence(1, { ...usersOf, isvId: isvIdOf(2) }),
  ];
}
