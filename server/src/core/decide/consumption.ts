/** Consumption of limitations: what a quota allows, how it stands, and taking a consumption back. */
import { consumptionsKept, microsPerUnit, quotaUnitsMax } from "../limits.ts";
import { clientKey } from "../names.ts";
import type {
  Change,
  ConsumeCommand,
  Consumption,
  Decision,
  Gathered,
  LicenseView,
  Limitation,
  Micros,
  Millis,
  Quota,
  QuotaStatus,
  ResetQuotaCommand,
  RollBackCommand,
  Wanted,
} from "../types.ts";
import { refusedClient } from "./assignments.ts";
import { deny, grant, record, unusable } from "./outcome.ts";
import { isWithin, periodOf, standing, statusOf } from "./quotas.ts";

/**
 * Consumes one quantity after the other. Unknown limitations deny the whole command; a quantity that the quota does not
 * allow is answered without a transaction, and changes nothing.
 */
export function consume(license: LicenseView, command: ConsumeCommand, now: Millis): Decision {
  const unfit = unusable(license, now);
  if (unfit !== null) return deny(license, now, unfit, command);
  for (const { limitationId } of command.wanted) {
    const limitation = license.terms.limitations.find(({ id }) => id === limitationId);
    if (limitation === undefined) return deny(license, now, "limitation_unknown", command);
    if (limitation.reset === null) return deny(license, now, "limitation_static", command);
  }
  const refused = refusedClient(license, command, now);
  if (refused !== null) return refused;

  const quotas = new Map<string, Quota>();
  const changes: Change[] = [];
  const statuses: QuotaStatus[] = [];
  const gathered: Gathered[] = [];
  const own = new OwnBalances(license, command, now);
  for (const wanted of command.wanted) {
    const limitation = license.terms.limitations.find(({ id }) => id === wanted.limitationId) as Limitation;
    const known = quotas.get(limitation.id) ?? license.quota(limitation.id);
    const before = standing(license, limitation, known, now);
    const isOwn = wanted.amount >= 0 || -wanted.amount <= own.of(limitation);
    const isAllowed = isOwn && allows(limitation, before.quota.used, wanted.amount);
    const quota = isAllowed ? taken(before.quota, wanted.amount) : before.quota;
    if (isAllowed) {
      own.add(limitation, wanted.amount);
      if (!quotas.has(limitation.id)) changes.push(...forgetOver(license, limitation, known, now));
      changes.push(...consumed(license, command, wanted, quota, now));
      quotas.set(limitation.id, quota);
    }
    const transactionId = isAllowed ? wanted.transactionId : null;
    statuses.push(statusOf({ ...before, quota }, transactionId));
    const about = { ...command, ...wanted, userId: wanted.userId ?? command.userId };
    gathered.push(gatheredOf(license, about, now, transactionId));
  }
  return { ...grant([...changes, ...[...quotas.values()].map(put)], [], { quotas: statuses }), gathered };
}

/** Takes back what still stands of a consumption. Only what counts in the present period can be. */
export function rollBack(license: LicenseView, command: RollBackCommand, now: Millis): Decision {
  const limitation = license.terms.limitations.find(({ id }) => id === command.limitationId);
  if (limitation === undefined) return deny(license, now, "limitation_unknown", {});
  const consumption = license.consumption(command.transactionId);
  const known = license.quota(limitation.id);
  const isKnown = consumption !== undefined && known !== undefined && consumption.limitationId === limitation.id;
  if (!isKnown || !isWithin(consumption.at, periodOf(license, limitation, known, now))) {
    return deny(license, now, "transaction_unknown", {});
  }
  const back = stillStanding(license, consumption, limitation, now);
  if (back === 0 && consumption.amount > 0) return deny(license, now, "transaction_unknown", {});
  const before = standing(license, limitation, known, now);
  // What was given back may have been consumed by somebody else.
  if (!allows(limitation, before.quota.used, -back)) return deny(license, now, "rollback_exhausted", {});
  const quota: Quota = { ...before.quota, used: before.quota.used - back };
  const { key: transactionId, clientId, userId, externalId } = consumption;
  const about = { limitationId: limitation.id, clientId, userId, externalId, happenedAt: null };
  return {
    ...grant([lessened(consumption, back), put(quota)], [], {
      quotas: [statusOf({ ...before, quota }, transactionId)],
    }),
    gathered: [gatheredOf(license, { ...about, amount: -back }, now, transactionId)],
  };
}

/** What was given back of it before stays, beside what gave it back: together they are nothing. */
function lessened(consumption: Consumption, back: Micros): Change {
  const amount = consumption.amount - back;
  if (amount !== 0) return { type: "item", item: { ...consumption, amount } };
  return { type: "item.gone", kind: "consumption", key: consumption.key };
}

/** Begins a limitation's period anew, whatever was consumed in it. */
export function resetQuota(license: LicenseView, command: ResetQuotaCommand, now: Millis): Decision {
  const limitation = license.terms.limitations.find(({ id }) => id === command.limitationId);
  if (limitation === undefined) return deny(license, now, "limitation_unknown", {});
  if (limitation.reset === null) return deny(license, now, "limitation_static", {});
  const count = license.quota(limitation.id)?.count ?? 0;
  const quota: Quota = { kind: "quota", key: limitation.id, from: now, used: 0, count };
  const after = standing(license, limitation, quota, now);
  return grant([...forgotten(license, limitation), put(quota)], [record(license, now, "quota.reset")], {
    quotas: [statusOf(after, null)],
  });
}

/** What was consumed in another period can no longer be rolled back. */
function forgetOver(license: LicenseView, limitation: Limitation, known: Quota | undefined, now: Millis): Change[] {
  const isOver = known !== undefined && !isWithin(known.from, periodOf(license, limitation, known, now));
  return isOver ? forgotten(license, limitation) : [];
}

function forgotten(license: LicenseView, { id }: Limitation): Change[] {
  return [...license.consumptions(id)].map(({ key }) => ({ type: "item.gone", kind: "consumption", key }));
}

/**
 * What a client can give back: what it has consumed in the period, the command's own quantities included, and not given back.
 * Whoever holds an application's key would give back everybody's otherwise, and the quota would bound nobody. Each limitation is
 * looked through once, and only where something is given back.
 */
class OwnBalances {
  readonly #license: LicenseView;
  readonly #command: ConsumeCommand;
  readonly #now: Millis;
  readonly #balances = new Map<string, Micros>();

  constructor(license: LicenseView, command: ConsumeCommand, now: Millis) {
    this.#license = license;
    this.#command = command;
    this.#now = now;
  }

  of(limitation: Limitation): Micros {
    const known = this.#balances.get(limitation.id);
    if (known !== undefined) return known;
    const kept = balances(this.#license, this.#command.clientId, limitation, this.#now);
    const balance = kept.at(-1)?.balance ?? 0;
    this.#balances.set(limitation.id, balance);
    return balance;
  }

  /** What something was given back of may be kept no more. */
  add(limitation: Limitation, amount: Micros): void {
    const givesBack = ({ limitationId, amount: each }: Wanted) => limitationId === limitation.id && each < 0;
    if (!this.#command.wanted.some(givesBack)) return;
    this.#balances.set(limitation.id, Math.max(0, this.of(limitation) + amount));
  }
}

/**
 * What can be taken back of a consumption: no more than its client has had at any time since, or else what was given back
 * could be taken back as well, at the cost of others. What gave something back is taken back whole.
 */
function stillStanding(license: LicenseView, consumption: Consumption, limitation: Limitation, now: Millis): Micros {
  const all = balances(license, consumption.clientId, limitation, now);
  const since = all.filter(({ no }) => no >= consumption.no).map(({ balance }) => balance);
  return Math.min(consumption.amount, ...since);
}

/** What a client has consumed in the period and not given back, after each of its consumptions that are kept. */
function balances(
  license: LicenseView,
  clientId: string,
  limitation: Limitation,
  now: Millis,
): readonly { readonly no: number; readonly balance: Micros }[] {
  const { terms } = license;
  const period = periodOf(license, limitation, license.quota(limitation.id), now);
  const client = clientKey(terms, clientId);
  let balance = 0;
  const isOwn = (name: string) => name === clientId || clientKey(terms, name) === client;
  return [...license.consumptions(limitation.id)]
    .filter((item) => isWithin(item.at, period) && isOwn(item.clientId))
    .toSorted((a, b) => a.no - b.no)
    .map(({ no, amount }) => {
      // What something was given back of may be kept no more.
      balance = Math.max(0, balance + amount);
      return { no, balance };
    });
}

/** Whether so much may be used. Nothing is given back beyond what was consumed, and beyond what is counted exactly nothing is. */
function allows({ limit, goodwillPercent, isEnforced }: Limitation, before: Micros, amount: Micros): boolean {
  const used = before + amount;
  if (used < 0 || used > quotaUnitsMax * microsPerUnit) return false;
  // Giving back is allowed beyond the limit too, where it was lowered meanwhile.
  if (limit === null || !isEnforced || amount < 0) return true;
  // To the nearest millionth: a percentage such as 0.1 is none that a number of the machine's can be exactly.
  return used <= limit * microsPerUnit + Math.round((limit * goodwillPercent * microsPerUnit) / 100);
}

function taken(quota: Quota, amount: Micros): Quota {
  return { ...quota, used: quota.used + amount, count: quota.count + 1 };
}

/** The transaction, and the end of the one that it pushes out. */
function consumed(
  license: LicenseView,
  command: ConsumeCommand,
  { limitationId, amount, externalId, transactionId, userId }: Wanted,
  { count: no }: Quota,
  now: Millis,
): Change[] {
  const { clientId } = command;
  const about = { limitationId, no, amount, clientId, userId: userId ?? command.userId, externalId, at: now };
  const item: Consumption = { kind: "consumption", key: transactionId, ...about };
  const oldest = license.consumptionNumbered(limitationId, no - consumptionsKept);
  const gone: Change[] = oldest === undefined ? [] : [{ type: "item.gone", kind: "consumption", key: oldest.key }];
  return [...gone, { type: "item", item }];
}

function put(item: Quota): Change {
  return { type: "item", item };
}

type Subject = Pick<Gathered, "clientId" | "userId" | "externalId" | "happenedAt"> & {
  readonly limitationId: string;
  readonly amount: Micros;
};

function gatheredOf(license: LicenseView, about: Subject, now: Millis, transactionId: string | null): Gathered {
  const { isvId, licenseId } = license.terms;
  const { clientId, userId, externalId, happenedAt, limitationId: subjectId, amount } = about;
  const value = { subjectId, moduleId: null, texts: [], amount, transactionId, externalId, happenedAt };
  return { at: now, kind: "consumption", isvId, licenseId, clientId, userId, ...value };
}
