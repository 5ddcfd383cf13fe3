/**
 * Reads a table of rules: sections headed `== A sentence`, each a list of lines `verb words -> what it comes to`.
 *
 *   licence CAD floating users tokens=2     a licence; times are counted from the section's beginning
 *   change CAD tokens=1                      the vendor changes it
 *   open CAD anna session=s1 as A -> opened until 5m
 *   open CAD ben -> tokens_exhausted in-use 2/2 free-at 5m
 *   open CAD anna session=s1 from=2 -> extended    it comes from this address; without it nobody knows from where
 *   tick 5m                                  time passes
 *   hold                                     an older state was restored, and its tokens are to be held
 *   in-use CAD 1                             tokens of the pool in use
 *
 * Of vouchers:
 *
 *   open CAD anna checkout=1h voucher=laptop as A -> opened       for the device of this key; `voucher=anywhere` for none
 *   close CAD anna gives-up=A@laptop -> closed                     with the device's proof
 *   open CAD anna renewal=R1>R2 -> extended                        carries what was answered as R1, and calls the answer R2; `renewal=>R1`: carries nothing
 *   out CAD 1                                tokens that are checked out
 *   check-ins CAD 2                          early check-ins of the month
 *
 * Of a project licence:
 *
 *   licence RE floating projects mono=2 team=1
 *   create RE A -> created                   a project, known by its name
 *   open-project RE A team -> open           and close-project, delete, save, switch
 *   connect RE A anna session=s1 -> opened   anna enters it; `close RE anna session=s1` leaves it
 *   run RE A X session=s1 -> running         an execution, known by its name; `report RE A X finished -> reported`
 *   left RE 2 0                              Mono and Team tokens that are left
 *   project RE A team users=1 X=running      how a project is: closed, mono or team; who is in, what it executes
 * Of what is consumed, of users and releases:
 *
 *   licence CAD floating devices limits=Docs:10:month:20%,Pages:5:days3:soft,Cores:3 user-limit=2 release=25.2
 *   consume CAD d1 Docs 3 as T -> consumed   or refused; `left 7` of the limit. A fraction is written 0.5
 *   roll-back CAD Docs T -> returned         and `reset CAD Docs -> reset`
 *   quota CAD Docs left 7 from 0 until 31d   how a limitation stands; `forever` in the place of `until`
 *   user CAD add anna -> added               and change (`inactive`, `active`, name=), delete
 *   gather CAD d1 -> gathered                a heartbeat that tells of use
 *   activate CAD d1 release=25.3 -> release_refused
 *
 *   after W05                                first comes all of the section whose title begins so
 *
 * A word that is not known is an error that names file and line: a rule that is not read is not tested.
 */
import { type DenialCode, denials } from "../../src/core/denials.ts";
import type { ExecutionState, ProjectKind, RecordKind } from "../../src/core/types.ts";
import type { LicenseSetting } from "../model/vendor.ts";

export interface Section {
  readonly title: string;
  readonly line: number;
  readonly lines: readonly Line[];
}

export interface Caller {
  readonly client: string;
  readonly session: string | null;
  readonly user: string | null;
}

export type Act =
  | {
      readonly verb: "licence";
      readonly licence: string;
      readonly setting: Partial<LicenseSetting>;
      readonly from: From;
    }
  | { readonly verb: "change"; readonly licence: string; readonly setting: Partial<LicenseSetting> }
  | { readonly verb: "hold" }
  | { readonly verb: "tick"; readonly ms: number }
  | { readonly verb: "ahead"; readonly ms: number }
  | ({
      readonly verb: "open";
      readonly licence: string;
      /** The project to connect to; null: none is named. */
      readonly project: string | null;
      readonly checkout: number | null;
      readonly as: string | null;
      /** The device of its voucher; null: without one. */
      readonly voucher: string | null;
      /** What it carries and what it is answered with; null: neither. */
      readonly renewal: { readonly last: string; readonly next: string } | null;
      /** A number for where it comes from; null: nobody knows. */
      readonly address: number | null;
      /** How long it is ready to wait; null: not at all. */
      readonly wait: number | null;
    } & Caller)
  | ({
      readonly verb: "close";
      readonly licence: string;
      /** The session whose voucher is given up, and the device that says so; null: nobody does. */
      readonly givenUp: { readonly who: string; readonly device: string } | null;
    } & Caller)
  | { readonly verb: "end"; readonly licence: string; readonly who: string }
  | {
      readonly verb: "activate";
      readonly licence: string;
      readonly client: string;
      readonly token: string | null;
      readonly release: string | null;
    }
  | { readonly verb: "unassign"; readonly licence: string; readonly client: string }
  | {
      readonly verb: "heartbeat";
      readonly licence: string;
      readonly client: string;
      /** Whose token is sent; null: none. */
      readonly token: string | null;
    }
  | { readonly verb: "suspend"; readonly licence: string; readonly client: string; readonly until: number | null }
  | { readonly verb: "create" | "save"; readonly licence: string; readonly project: string }
  | {
      readonly verb: "open-project";
      readonly licence: string;
      readonly project: string;
      readonly kind: ProjectKind | null;
    }
  | { readonly verb: "switch"; readonly licence: string; readonly project: string; readonly kind: ProjectKind }
  | {
      readonly verb: "close-project" | "delete";
      readonly licence: string;
      readonly project: string;
      readonly force: boolean;
    }
  | {
      readonly verb: "run";
      readonly licence: string;
      readonly project: string;
      readonly execution: string;
      readonly session: string;
      readonly units: number | null;
    }
  | {
      readonly verb: "report";
      readonly licence: string;
      readonly project: string;
      readonly execution: string;
      readonly state: "running" | "finished" | "failed" | null;
      readonly done: number | null;
      readonly message: string | null;
    }
  | { readonly verb: "left"; readonly licence: string; readonly mono: number; readonly team: number }
  | {
      readonly verb: "project";
      readonly licence: string;
      readonly project: string;
      readonly state: ProjectKind | "closed" | "gone";
      readonly users: number | null;
      /** When it was saved last; null: not told. */
      readonly saved: number | "never" | null;
      readonly executions: readonly {
        readonly name: string;
        readonly state: ExecutionState | "forgotten";
        readonly done: number | null;
      }[];
    }
  | {
      readonly verb: "consume";
      readonly licence: string;
      readonly client: string;
      readonly limitation: string;
      readonly units: number;
      readonly as: string | null;
      readonly token: string | null;
    }
  | { readonly verb: "roll-back"; readonly licence: string; readonly limitation: string; readonly transaction: string }
  | { readonly verb: "reset"; readonly licence: string; readonly limitation: string }
  | {
      readonly verb: "quota";
      readonly licence: string;
      readonly limitation: string;
      readonly left: number;
      readonly from: number;
      readonly until: number | null;
    }
  | {
      readonly verb: "user";
      readonly licence: string;
      readonly act: "add" | "change" | "delete";
      readonly user: string;
      readonly name: string | null;
      readonly isActive: boolean | null;
    }
  | { readonly verb: "users"; readonly licence: string; readonly active: number; readonly all: number }
  | { readonly verb: "gather"; readonly licence: string; readonly client: string; readonly token: string | null }
  | { readonly verb: "sweep"; readonly licence: string }
  | { readonly verb: "outage"; readonly licence: string; readonly from: number; readonly ms: number }
  | { readonly verb: "settle"; readonly licence: string }
  | { readonly verb: "out" | "check-ins"; readonly licence: string; readonly count: number }
  | { readonly verb: "in-use"; readonly licence: string; readonly count: number }
  | { readonly verb: "waiting"; readonly licence: string; readonly who: readonly string[] }
  | { readonly verb: "live"; readonly licence: string; readonly who: string; readonly until: number | null }
  | { readonly verb: "clients"; readonly licence: string; readonly holding: number; readonly known: number }
  | {
      readonly verb: "history";
      readonly licence: string;
      readonly lines: readonly { kind: RecordKind; at: number | null; isOveruse: boolean }[];
    };

/** Names by which a licence's product, customer and vendor are told apart. */
export interface From {
  readonly product: string;
  readonly customer: string;
  readonly vendor: string;
}

export interface Expected {
  /** A denial's code, or one of the granted words. */
  readonly word: string;
  readonly isDenial: boolean;
  readonly until: number | null;
  readonly inUse: number | null;
  readonly limit: number | null;
  readonly freeAt: number | null;
  /** The place in the queue, from 1; 0: none. */
  readonly place: number | null;
  readonly isOveruse: boolean | null;
  readonly isGoodwill: boolean | null;
  readonly count: number | null;
  /** What a refused connect tells: tokens left of its kind's total, whom to ask, and the latest execution. */
  readonly left: string | null;
  readonly holders: readonly string[] | null;
  readonly execution: string | null;
  /** Units that are left of a limitation. */
  readonly units: number | null;
}

export interface Line {
  readonly place: string;
  readonly text: string;
  readonly act: Act;
  readonly expected: Expected | null;
}

/** What a granted command of each verb comes to. Verbs that are not here take no `->`. */
const grantedWords: Readonly<Record<string, readonly string[]>> = {
  open: ["opened", "extended"],
  connect: ["opened", "extended"],
  create: ["created"],
  "open-project": ["open"],
  save: ["saved"],
  "close-project": ["closed"],
  delete: ["deleted"],
  switch: ["switched"],
  run: ["running"],
  report: ["reported"],
  close: ["closed"],
  end: ["ended"],
  activate: ["activated"],
  unassign: ["unassigned"],
  heartbeat: ["seen"],
  suspend: ["suspended", "lifted"],
  sweep: ["swept"],
  outage: ["noted"],
  settle: ["settled"],
  consume: ["consumed", "refused"],
  "roll-back": ["returned"],
  reset: ["reset"],
  user: ["added", "changed", "deleted"],
  gather: ["gathered"],
};

const recordKinds: readonly RecordKind[] = [
  "session.opened",
  "session.closed",
  "session.expired",
  "session.ended",
  "session.moved",
  "client.activated",
  "client.unassigned",
  "client.suspended",
  "project.created",
  "project.opened",
  "project.saved",
  "project.switched",
  "project.closed",
  "project.deleted",
  "execution.started",
  "execution.ended",
  "quota.reset",
  "user.added",
  "user.changed",
  "user.deleted",
  "outage.credited",
  "clock.settled",
  "denied",
];

export function readTable(file: string, text: string): Section[] {
  const sections: (Section & { lines: Line[] })[] = [];
  text.split("\n").forEach((raw, index) => {
    const place = `${file}:${index + 1}`;
    const bare = raw.replace(/(^|\s)#.*$/, "").trim();
    if (bare === "") return;
    if (bare.startsWith("==")) {
      const title = bare.slice(2).trim();
      if (sections.some((section) => section.title === title))
        throw new Error(`${place}: a second section of this title`);
      sections.push({ title, line: index + 1, lines: [] });
      return;
    }
    const section = sections.at(-1);
    if (section === undefined) throw new Error(`${place}: a line before the first section`);
    if (bare.startsWith("after ")) {
      const title = bare.slice("after ".length).trim();
      const found = sections.filter((one) => one !== section && `${one.title} `.startsWith(`${title} `));
      if (found.length !== 1) throw new Error(`${place}: ${found.length} sections above have a title that begins so`);
      section.lines.push(...(found[0] as Section).lines);
      return;
    }
    section.lines.push(readLine(place, bare));
  });
  for (const { title, line, lines } of sections) {
    if (lines.length === 0) throw new Error(`${file}:${line}: "${title}" has no lines`);
  }
  return sections;
}

function readLine(place: string, text: string): Line {
  const parts = text.split("->");
  if (parts.length > 2) throw new Error(`${place}: more than one "->"`);
  const words = new Words(place, parts[0] as string);
  const act = readAct(words);
  words.end();
  const verb = words.verb;
  const wants = verb in grantedWords;
  if (wants !== (parts.length === 2)) {
    throw new Error(`${place}: "${verb}" ${wants ? "needs" : "takes no"} "->"`);
  }
  const expected = parts[1] === undefined ? null : readExpected(new Words(place, parts[1]), verb);
  return { place, text, act, expected };
}

/** The words of a line, taken one after the other; whatever is left over is an error. */
class Words {
  readonly place: string;
  /** The first word. */
  readonly verb: string;
  readonly #words: string[];

  constructor(place: string, text: string) {
    this.place = place;
    this.#words = text.match(/(?:[^\s"]+|"[^"]*")+/g)?.map((word) => word.replaceAll('"', "")) ?? [];
    this.verb = this.#words[0] ?? "";
  }

  next(what: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw new Error(`${this.place}: want ${what} at the end of the line`);
    return word;
  }

  /** Takes the next word if it is this one. */
  has(word: string): boolean {
    if (this.#words[0] !== word) return false;
    this.#words.shift();
    return true;
  }

  /** Takes `key=value` from anywhere in what is left. */
  value(key: string): string | null {
    const index = this.#words.findIndex((word) => word.startsWith(`${key}=`));
    return index === -1 ? null : (this.#words.splice(index, 1)[0] as string).slice(key.length + 1);
  }

  flag(name: string): boolean {
    const index = this.#words.indexOf(name);
    if (index !== -1) this.#words.splice(index, 1);
    return index !== -1;
  }

  get isDone(): boolean {
    return this.#words.length === 0;
  }

  wrong(word: string, want: string): Error {
    return new Error(`${this.place}: unknown word "${word}": want ${want}`);
  }

  end(): void {
    if (this.#words.length > 0) throw this.wrong(this.#words[0] as string, "the end of the line");
  }
}

function readAct(words: Words): Act {
  const verb = words.next("a verb");
  switch (verb) {
    case "hold":
      return { verb };
    case "tick":
    case "ahead":
      return { verb, ms: duration(words, words.next("a duration")) };
    case "licence": {
      const licence = words.next("a licence");
      const mode = oneOf(words, ["floating", "named"] as const);
      const type = oneOf(words, ["users", "devices", "projects"] as const);
      const from = {
        product: words.value("product") ?? "CAD",
        customer: words.value("customer") ?? "Factor",
        vendor: words.value("vendor") ?? "Demo",
      };
      return { verb, licence, setting: { ...readSetting(words), mode, type }, from };
    }
    case "change":
      return { verb, licence: words.next("a licence"), setting: readSetting(words) };
    case "open":
    case "connect": {
      const licence = words.next("a licence");
      const project = verb === "connect" ? words.next("a project") : null;
      const caller = readCaller(words);
      const checkout = words.value("checkout");
      const voucher = words.value("voucher");
      const [last = "", next] = words.value("renewal")?.split(">") ?? [];
      const address = words.value("from");
      const wait = words.value("wait");
      const as = words.has("as") ? words.next("a name") : null;
      return {
        verb: "open",
        licence,
        project,
        ...caller,
        checkout: checkout === null ? null : minutes(words, checkout),
        voucher,
        renewal: next === undefined ? null : { last, next },
        address: address === null ? null : number(words, address),
        wait: wait === null ? null : duration(words, wait),
        as,
      };
    }
    case "create":
    case "save":
      return { verb, licence: words.next("a licence"), project: words.next("a project") };
    case "open-project": {
      const licence = words.next("a licence");
      const project = words.next("a project");
      return { verb, licence, project, kind: words.isDone ? null : oneOf(words, kinds) };
    }
    case "switch":
      return { verb, licence: words.next("a licence"), project: words.next("a project"), kind: oneOf(words, kinds) };
    case "close-project":
    case "delete": {
      const force = words.flag("force");
      return { verb, licence: words.next("a licence"), project: words.next("a project"), force };
    }
    case "run": {
      const session = words.value("session") ?? words.next("session=");
      const units = words.value("units");
      const place = { licence: words.next("a licence"), project: words.next("a project") };
      const execution = words.next("an execution");
      return { verb, ...place, execution, session, units: units === null ? null : number(words, units) };
    }
    case "report": {
      const done = words.value("done");
      const message = words.value("message");
      const place = { licence: words.next("a licence"), project: words.next("a project") };
      const execution = words.next("an execution");
      const state = words.isDone ? null : oneOf(words, ["running", "finished", "failed"] as const);
      return { verb, ...place, execution, state, done: done === null ? null : number(words, done), message };
    }
    case "left": {
      const licence = words.next("a licence");
      const mono = number(words, words.next("Mono tokens left"));
      return { verb, licence, mono, team: number(words, words.next("Team tokens left")) };
    }
    case "project":
      return readProject(words);
    case "close": {
      const [who = "", device] = words.value("gives-up")?.split("@") ?? [];
      const givenUp = device === undefined ? null : { who, device };
      return { verb, licence: words.next("a licence"), ...readCaller(words), givenUp };
    }
    case "end":
      return { verb, licence: words.next("a licence"), who: words.next("the name of a session, or all") };
    case "activate":
      return {
        verb,
        licence: words.next("a licence"),
        client: words.next("a client"),
        token: words.value("token"),
        release: words.value("release"),
      };
    case "consume": {
      const token = words.value("token");
      const place = { licence: words.next("a licence"), client: words.next("a client") };
      const limitation = words.next("a limitation");
      const units = decimal(words, words.next("how much"));
      return { verb, ...place, limitation, units, token, as: words.has("as") ? words.next("a name") : null };
    }
    case "roll-back": {
      const place = { licence: words.next("a licence"), limitation: words.next("a limitation") };
      return { verb, ...place, transaction: words.next("the name of a consumption, or nothing") };
    }
    case "reset":
      return { verb, licence: words.next("a licence"), limitation: words.next("a limitation") };
    case "quota": {
      const place = { licence: words.next("a licence"), limitation: words.next("a limitation") };
      if (!words.has("left")) throw words.wrong("", '"left"');
      const left = decimal(words, words.next("how much is left"));
      const from = words.has("from") ? duration(words, words.next("a time")) : 0;
      if (words.has("forever")) return { verb, ...place, left, from, until: null };
      if (!words.has("until")) throw words.wrong("", 'until …, or "forever"');
      return { verb, ...place, left, from, until: duration(words, words.next("a time")) };
    }
    case "user": {
      const name = words.value("name");
      const licence = words.next("a licence");
      const act = oneOf(words, ["add", "change", "delete"] as const);
      const user = words.next("a user");
      const isActive = words.has("active") ? true : words.has("inactive") ? false : null;
      return { verb, licence, act, user, name, isActive };
    }
    case "users": {
      const licence = words.next("a licence");
      const active = number(words, words.next("how many are active"));
      if (!words.has("of")) throw words.wrong("", '"of"');
      return { verb, licence, active, all: number(words, words.next("how many are registered")) };
    }
    case "gather":
      return { verb, licence: words.next("a licence"), client: words.next("a client"), token: words.value("token") };
    case "unassign":
      return { verb, licence: words.next("a licence"), client: words.next("a client, or nobody") };
    case "heartbeat":
      return { verb, licence: words.next("a licence"), client: words.next("a client"), token: words.value("token") };
    case "suspend": {
      const licence = words.next("a licence");
      const client = words.next("a client");
      const until = words.has("until") ? duration(words, words.next("a time")) : null;
      return { verb, licence, client, until };
    }
    case "sweep":
    case "settle":
      return { verb, licence: words.next("a licence") };
    case "outage": {
      const licence = words.next("a licence");
      const from = duration(words, words.value("from") ?? words.next("from="));
      return { verb, licence, from, ms: duration(words, words.value("length") ?? words.next("length=")) };
    }
    case "out":
    case "check-ins":
    case "in-use":
      return { verb, licence: words.next("a licence"), count: number(words, words.next("a number")) };
    case "waiting": {
      const licence = words.next("a licence");
      const who = words.next("nobody, or clients in order").split(",");
      return { verb, licence, who: who[0] === "nobody" ? [] : who };
    }
    case "live": {
      const licence = words.next("a licence");
      const who = words.next("the name of a session");
      const until = words.has("until") ? duration(words, words.next("a time")) : null;
      if (until === null && !words.has("no-more")) throw words.wrong("", 'until …, or "no-more"');
      return { verb, licence, who, until };
    }
    case "clients": {
      const licence = words.next("a licence");
      const holding = number(words, words.next("how many hold a token"));
      if (!words.has("of")) throw words.wrong("", '"of"');
      return { verb, licence, holding, known: number(words, words.next("how many are known")) };
    }
    case "history": {
      const licence = words.next("a licence");
      const lines: { kind: RecordKind; at: number | null; isOveruse: boolean }[] = [];
      while (true) {
        const word = words.has("nothing") ? null : words.next("a kind of record");
        if (word === null) break;
        const [text = "", at] = word.split("@");
        const isOveruse = text.endsWith("!");
        const kind = isOveruse ? text.slice(0, -1) : text;
        if (!(recordKinds as readonly string[]).includes(kind)) throw words.wrong(kind, "a kind of record");
        lines.push({ kind: kind as RecordKind, at: at === undefined ? null : duration(words, at), isOveruse });
        if (!words.has("then")) break;
      }
      return { verb, licence, lines };
    }
    default:
      throw words.wrong(verb, "a verb");
  }
}

const kinds = ["mono", "team"] as const;

function readProject(words: Words): Act {
  const users = words.value("users");
  const saved = words.value("saved");
  const licence = words.next("a licence");
  const project = words.next("a project");
  const state = oneOf(words, ["closed", "mono", "team", "gone"] as const);
  const executions: { name: string; state: ExecutionState | "forgotten"; done: number | null }[] = [];
  while (!words.isDone) {
    const word = words.next("an execution");
    const [, name = "", is = "", done] = /^([^=]+)=([a-z]+)(?:@(\d+))?$/.exec(word) ?? [];
    if (!["running", "finished", "failed", "stopped", "forgotten"].includes(is)) throw words.wrong(word, "X=running");
    executions.push({ name, state: is as ExecutionState, done: done === undefined ? null : Number(done) });
  }
  return {
    verb: "project",
    licence,
    project,
    state,
    users: users === null ? null : number(words, users),
    saved: saved === null || saved === "never" ? saved : duration(words, saved),
    executions,
  };
}

function readCaller(words: Words): Caller {
  return { client: words.next("a client"), session: words.value("session"), user: words.value("user") };
}

function readSetting(words: Words): Partial<LicenseSetting> {
  const setting: { -readonly [K in keyof LicenseSetting]?: LicenseSetting[K] } = {};
  const take = (key: string, put: (value: string) => void) => {
    const value = words.value(key);
    if (value !== null) put(value);
  };
  const count = (key: string, name: "tokens" | "assignable" | "goodwill" | "sessionsPerHolder" | "mono" | "team") =>
    take(key, (value) => (setting[name] = number(words, value)));
  count("tokens", "tokens");
  count("assignable", "assignable");
  count("goodwill", "goodwill");
  count("mono", "mono");
  count("team", "team");
  take("default-kind", (value) => {
    if (value !== "mono" && value !== "team" && value !== "none") throw words.wrong(value, "mono, team or none");
    setting.defaultKind = value === "none" ? null : value;
  });
  take("kind-switch", (value) => (setting.allowsSwitch = yesOrNo(words, value)));
  take("shares-mono", (value) => (setting.sharesMono = yesOrNo(words, value)));
  count("sessions-per-holder", "sessionsPerHolder");
  take("period", (value) => (setting.periodMinutes = minutes(words, value)));
  take("checkout-max", (value) => (setting.checkoutMaxMinutes = minutes(words, value)));
  take("checked-out-max", (value) => (setting.checkedOutMax = number(words, value)));
  take("checkout-reserve", (value) => (setting.checkoutReserve = number(words, value)));
  take("check-ins-max", (value) => (setting.checkInsMax = number(words, value)));
  // Counted from the section's beginning; the runner makes an instant of it.
  take("expires", (value) => (setting.expiresAt = value === "never" ? null : duration(words, value)));
  take("domains", (value) => (setting.domains = value === "all" ? [] : value.split(",")));
  take("activates-on-open", (value) => (setting.activatesOnOpen = yesOrNo(words, value)));
  take("active", (value) => (setting.isActive = yesOrNo(words, value)));
  take("temporary", (value) => (setting.isTemporary = yesOrNo(words, value)));
  take("overuse", (value) => (setting.isHard = !yesOrNo(words, value)));
  take("needs-session-id", (value) => (setting.requiresSessionId = yesOrNo(words, value)));
  take("needs-user-id", (value) => (setting.requiresUserId = yesOrNo(words, value)));
  take("one-session-per-user", (value) => (setting.oneSessionPerUser = yesOrNo(words, value)));
  take("heartbeats-extend", (value) => (setting.heartbeatsExtend = yesOrNo(words, value)));
  take("starts", (value) => (setting.startsAt = duration(words, value)));
  take("release", (value) => (setting.release = value));
  take("uncovered", (value) => (setting.allowsUncovered = yesOrNo(words, value)));
  take("user-limit", (value) => (setting.userLimit = number(words, value)));
  take("limits", (value) => (setting.limits = value.split(",").map((text) => readLimit(words, text))));
  return setting;
}

const resets = ["lifecycle", "month", "quarter", "year"] as const;

/** `Docs:10:month:20%:soft`. */
function readLimit(words: Words, text: string): LicenseSetting["limits"][number] {
  const [name = "", value = "", ...more] = text.split(":");
  const limit = {
    name,
    value: value === "unlimited" ? null : number(words, value),
    reset: null as (typeof resets)[number] | "days" | null,
    days: 1,
    goodwill: 0,
    isHard: true,
  };
  for (const part of more) {
    const reset = resets.find((one) => one === part);
    if (reset !== undefined) limit.reset = reset;
    else if (part === "soft") limit.isHard = false;
    else if (/^\d+(\.\d+)?%$/.test(part)) limit.goodwill = Number(part.slice(0, -1));
    else if (/^days\d+$/.test(part)) {
      limit.reset = "days";
      limit.days = Number(part.slice("days".length));
    } else throw words.wrong(part, "lifecycle, days3, month, quarter, year, 20% or soft");
  }
  return limit;
}

function readExpected(words: Words, verb: string): Expected {
  const word = words.next("what it comes to");
  const isDenial = word in denials;
  if (!isDenial && grantedWords[verb]?.includes(word) !== true) {
    throw words.wrong(word, `${grantedWords[verb]?.join(", ")}, or a denial's code`);
  }
  const [left, holders, execution] = [words.value("left"), words.value("holders"), words.value("execution")];
  const usage = words.flag("in-use") ? words.next("tokens/limit") : null;
  const [inUse = null, limit = null] = usage === null ? [] : usage.split("/").map((part) => number(words, part));
  const expected: Expected = {
    left,
    holders: holders === null ? null : holders === "nobody" ? [] : holders.split(","),
    execution,
    word,
    isDenial,
    inUse,
    limit,
    isOveruse: words.flag("overuse") ? true : words.flag("in-pool") ? false : null,
    isGoodwill: words.flag("goodwill") ? true : words.flag("in-limit") ? false : null,
    until: words.flag("until") ? duration(words, words.next("a time")) : null,
    freeAt: words.flag("free-at") ? duration(words, words.next("a time")) : null,
    place: words.flag("place") ? number(words, words.next("a place in the queue")) : null,
    units: words.flag("left") ? decimal(words, words.next("how much is left")) : null,
    count: word === "ended" || words.flag("ending") ? number(words, words.next("a number")) : null,
  };
  words.end();
  return expected;
}

export function isDenialCode(word: string): word is DenialCode {
  return word in denials;
}

function oneOf<T extends string>(words: Words, choices: readonly T[]): T {
  const word = words.next(choices.join(" or "));
  if (!(choices as readonly string[]).includes(word)) throw words.wrong(word, choices.join(" or "));
  return word as T;
}

function yesOrNo(words: Words, word: string): boolean {
  if (word !== "yes" && word !== "no") throw words.wrong(word, "yes or no");
  return word === "yes";
}

function number(words: Words, word: string): number {
  if (!/^\d+$/.test(word)) throw words.wrong(word, "a number");
  return Number(word);
}

function decimal(words: Words, word: string): number {
  if (!/^-?\d+(\.\d{1,6})?$/.test(word)) throw words.wrong(word, "a number");
  return Number(word);
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `4m59s999ms`, `1h`, `0`: milliseconds. */
function duration(words: Words, word: string): number {
  if (word === "0") return 0;
  if (!/^(\d+(ms|s|m|h|d))+$/.test(word)) throw words.wrong(word, "a duration like 4m59s999ms");
  return [...word.matchAll(/(\d+)(ms|s|m|h|d)/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * (unitMs[unit as string] as number),
    0,
  );
}

/** As it is sent on the wire: minutes, fractions and nonsense allowed (`checkout=-1`); or a duration. */
function minutes(words: Words, word: string): number {
  return /^-?\d+(\.\d+)?(e-?\d+)?$/.test(word) ? Number(word) : duration(words, word) / 60_000;
}
