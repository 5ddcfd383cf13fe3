/**
 * Quotas and registered users a second time: every consumption ever granted stands in a list, and what is used is added
 * up anew each time somebody asks.
 */
import type { Command, DenialCode, Limitation, Millis, RecordKind } from "../../src/core/types.ts";

/** What was consumed, or given back: by less than nothing, or by rolling back. */
interface ModelMove {
  readonly limitationId: string;
  readonly amount: number;
  readonly at: Millis;
  /** An administrator has begun anew since, or something was consumed in another period. */
  isOver: boolean;
}

export interface ModelConsumption extends ModelMove {
  readonly transactionId: string;
  readonly clientId: string;
  /** What of it was not rolled back. */
  left: number;
  isBack: boolean;
}

export interface ModelUser {
  readonly userId: string;
  name: string;
  isActive: boolean;
  readonly createdAt: Millis;
  changedAt: Millis;
}

export interface ModelQuota {
  readonly transactionId: string | null;
  readonly limitationId: string;
  readonly used: number;
  readonly from: Millis;
  readonly until: Millis | null;
}

export interface ModelItems {
  readonly consumptions: ModelConsumption[];
  /** The same, and the rolling back, one after the other. */
  readonly moves: ModelMove[];
  readonly resets: { readonly limitationId: string; readonly at: Millis; isOver: boolean }[];
  users: ModelUser[];
}

export const noItems = (): ModelItems => ({ consumptions: [], moves: [], resets: [], users: [] });

const itemSteps = ["consume", "consumption.rollback", "quota.reset", "gather", "user.put", "user.delete"] as const;
export type ItemStep = Extract<Command, { type: (typeof itemSteps)[number] }>;

export function isItemStep(command: Command): command is ItemStep {
  return (itemSteps as readonly string[]).includes(command.type);
}

/** What the model knows and does around a step. */
export interface Around<O> {
  readonly limitations: readonly Limitation[];
  readonly startsAt: Millis | null;
  readonly userLimit: number | null;
  /** Why nothing of the licence may be consumed; null: it may. */
  readonly unusable: DenialCode | null;
  /** Why the client may tell nothing; null: it may. */
  readonly refusedClient: () => DenialCode | null;
  readonly isSameClient: (one: string, other: string) => boolean;
  readonly deny: (code: DenialCode) => O;
  readonly grant: (what: { readonly quotas?: readonly ModelQuota[]; readonly user?: ModelUser }) => O;
  readonly note: (kind: RecordKind, userId: string | null) => void;
}

const folded = (name: string): string =>
  [...name.trim().normalize("NFC").toLowerCase()].map((c) => (c === "ı" ? c : c.toUpperCase().toLowerCase())).join("");

/** How many millionths the quota allows; a percentage is only nearly what was written. */
const mostOf = ({ limit, goodwillPercent }: Limitation): number =>
  Math.round((limit ?? 0) * (1 + goodwillPercent / 100) * units);

const dayMs = 24 * 60 * 60 * 1000;
const units = 1_000_000;

export function stepItems<O>(items: ModelItems, command: ItemStep, now: Millis, around: Around<O>): O {
  switch (command.type) {
    case "consume":
      return consume(items, command, now, around);
    case "consumption.rollback":
      return rollBack(items, command, now, around);
    case "quota.reset": {
      const limitation = around.limitations.find(({ id }) => id === command.limitationId);
      if (limitation === undefined) return around.deny("limitation_unknown");
      if (limitation.reset === null) return around.deny("limitation_static");
      items.resets.push({ limitationId: limitation.id, at: now, isOver: false });
      for (const one of [...items.consumptions, ...items.moves]) {
        if (one.limitationId === limitation.id) one.isOver = true;
      }
      around.note("quota.reset", null);
      return around.grant({ quotas: [quotaOf(items, limitation, null, now, around)] });
    }
    case "gather": {
      const refused = around.refusedClient();
      return refused === null ? around.grant({}) : around.deny(refused);
    }
    case "user.put":
      return putUser(items, command, now, around);
    case "user.delete": {
      const user = items.users.find((one) => folded(one.userId) === folded(command.userId));
      if (user === undefined) return around.deny("user_unknown");
      items.users = items.users.filter((one) => one !== user);
      around.note("user.deleted", user.userId);
      return around.grant({ user });
    }
  }
}

function consume<O>(
  items: ModelItems,
  command: Extract<ItemStep, { type: "consume" }>,
  now: Millis,
  around: Around<O>,
): O {
  if (around.unusable !== null) return around.deny(around.unusable);
  for (const { limitationId } of command.wanted) {
    const limitation = around.limitations.find(({ id }) => id === limitationId);
    if (limitation === undefined) return around.deny("limitation_unknown");
    if (limitation.reset === null) return around.deny("limitation_static");
  }
  const refused = around.refusedClient();
  if (refused !== null) return around.deny(refused);
  const quotas = command.wanted.map(({ limitationId, amount, transactionId }) => {
    const limitation = around.limitations.find(({ id }) => id === limitationId) as Limitation;
    const { used } = quotaOf(items, limitation, null, now, around);
    const most = mostOf(limitation);
    const isBack = amount < 0;
    const isOthers = isBack && -amount > consumedBy(items, command.clientId, limitation, now, around);
    const isRefused = !isBack && limitation.limit !== null && limitation.isEnforced && used + amount > most;
    const isGranted = !isRefused && !isOthers && used + amount >= 0 && used + amount <= 9_000_000_000 * units;
    if (isGranted) {
      // One period is counted at a time, also where a clock was put right: no other one is taken up again.
      const { begins, until } = periodOf(items, limitation, now, around.startsAt);
      for (const one of [...items.consumptions, ...items.moves, ...items.resets]) {
        const isOther = until !== null && (one.at < begins || one.at >= until);
        if (one.limitationId === limitation.id && isOther) one.isOver = true;
      }
      const move = { limitationId, amount, at: now, isOver: false };
      items.moves.push(move);
      items.consumptions.push({ ...move, transactionId, clientId: command.clientId, left: amount, isBack: false });
    }
    return quotaOf(items, limitation, isGranted ? transactionId : null, now, around);
  });
  return around.grant({ quotas });
}

/** What the client has consumed and neither given back nor taken back, of the newest thousand consumptions. */
function consumedBy<O>(
  items: ModelItems,
  clientId: string,
  limitation: Limitation,
  now: Millis,
  around: Around<O>,
): number {
  const own = ofClient(items, clientId, limitation, now, around);
  return balanceOf(own);
}

/** The client's share of the newest thousand consumptions, in their order. */
function ofClient<O>(
  items: ModelItems,
  clientId: string,
  limitation: Limitation,
  now: Millis,
  around: Around<O>,
): readonly ModelConsumption[] {
  const kept = items.consumptions.filter(({ limitationId }) => limitationId === limitation.id).slice(-1_000);
  return countingOf(kept, items, limitation, now, around).filter((one) => around.isSameClient(one.clientId, clientId));
}

/** What the last of some consumptions leave: as much as any number of them from the end add up to, and nothing at least. */
function balanceOf(own: readonly ModelConsumption[]): number {
  const sums = own.map((_, from) => own.slice(from).reduce((sum, { left }) => sum + left, 0));
  return sums.reduce((most, sum) => Math.max(most, sum), 0);
}

function rollBack<O>(
  items: ModelItems,
  command: Extract<ItemStep, { type: "consumption.rollback" }>,
  now: Millis,
  around: Around<O>,
): O {
  const limitation = around.limitations.find(({ id }) => id === command.limitationId);
  if (limitation === undefined) return around.deny("limitation_unknown");
  const counting = countingOf(items.consumptions, items, limitation, now, around);
  const one = counting.find((each) => each.transactionId === command.transactionId && !each.isBack);
  const ofLimitation = items.consumptions.filter(({ limitationId }) => limitationId === limitation.id);
  const newer = one === undefined ? 0 : ofLimitation.length - 1 - ofLimitation.indexOf(one);
  if (one === undefined || newer >= 1_000) return around.deny("transaction_unknown");
  const own = ofClient(items, one.clientId, limitation, now, around);
  // Of what was consumed goes back what the client has had ever since; what was given back is given back again.
  const later = own.map((_, n) => n + 1).filter((length) => length > own.indexOf(one));
  const back = later.reduce((least, length) => Math.min(least, balanceOf(own.slice(0, length))), one.left);
  if (one.amount > 0 && back === 0) return around.deny("transaction_unknown");
  const { used } = quotaOf(items, limitation, null, now, around);
  const again = used - back;
  const most = mostOf(limitation);
  const isTooMuch =
    (limitation.limit !== null && limitation.isEnforced && again > most) || again > 9_000_000_000 * units;
  if (one.amount < 0 && isTooMuch) return around.deny("rollback_exhausted");
  one.left -= back;
  one.isBack = one.left === 0;
  items.moves.push({ limitationId: limitation.id, amount: -back, at: now, isOver: false });
  return around.grant({ quotas: [quotaOf(items, limitation, one.transactionId, now, around)] });
}

function putUser<O>(
  items: ModelItems,
  command: Extract<ItemStep, { type: "user.put" }>,
  now: Millis,
  around: Around<O>,
): O {
  const known = items.users.find((one) => folded(one.userId) === folded(command.userId));
  if (command.isNew && known !== undefined) return around.deny("user_known");
  if (!command.isNew && known === undefined) return around.deny("user_unknown");
  const active = items.users.filter((one) => one.isActive && one !== known).length;
  const isActive = command.isActive ?? known?.isActive ?? true;
  const becomesActive = isActive && known?.isActive !== true;
  if (becomesActive && around.userLimit !== null && active >= around.userLimit) return around.deny("users_exhausted");
  around.note(known === undefined ? "user.added" : "user.changed", command.userId);
  if (known !== undefined) {
    known.name = command.name ?? known.name;
    known.isActive = isActive;
    known.changedAt = now;
    return around.grant({ user: known });
  }
  const user = {
    userId: command.userId,
    name: command.name ?? command.userId,
    isActive,
    createdAt: now,
    changedAt: now,
  };
  items.users.push(user);
  return around.grant({ user });
}

/** How a limitation stands. */
export function quotaOf(
  items: ModelItems,
  limitation: Limitation,
  transactionId: string | null,
  now: Millis,
  { startsAt }: Pick<Around<never>, "startsAt">,
): ModelQuota {
  const { from, until } = periodOf(items, limitation, now, startsAt);
  const moves = countingOf(items.moves, items, limitation, now, { startsAt });
  const used = moves.reduce((sum, { amount }) => sum + amount, 0);
  return { transactionId, limitationId: limitation.id, used, from, until };
}

function countingOf<T extends ModelMove>(
  all: readonly T[],
  items: ModelItems,
  limitation: Limitation,
  now: Millis,
  { startsAt }: Pick<Around<never>, "startsAt">,
): T[] {
  const { begins, until } = periodOf(items, limitation, now, startsAt);
  const isWithin = (at: Millis) => until === null || (at >= begins && at < until);
  return all.filter((one) => one.limitationId === limitation.id && !one.isOver && isWithin(one.at));
}

/** `begins` is where the period begins, `from` since when it is counted: a reset begins anew within it. */
function periodOf(items: ModelItems, limitation: Limitation, now: Millis, startsAt: Millis | null) {
  const last = items.resets.findLast(({ limitationId }) => limitationId === limitation.id);
  const reset = last?.at;
  const first = items.consumptions.find((one) => one.limitationId === limitation.id)?.at;
  const begin = startsAt ?? reset ?? first ?? now;
  const within = (begins: Millis, until: Millis | null) => {
    const isReset = last !== undefined && !last.isOver && last.at >= begins && (until === null || last.at < until);
    return { begins, from: isReset ? last.at : begins, until };
  };
  if (limitation.reset === "lifecycle") return within(begin, null);
  if (limitation.reset === "days") {
    let from = begin;
    while (from > now) from -= limitation.resetDays * dayMs;
    while (from + limitation.resetDays * dayMs <= now) from += limitation.resetDays * dayMs;
    return within(from, from + limitation.resetDays * dayMs);
  }
  const months = limitation.reset === "month" ? 1 : limitation.reset === "quarter" ? 3 : 12;
  const year = Number(new Date(now).toISOString().slice(0, 4));
  const firsts = Array.from({ length: 25 }, (_, n) => Date.UTC(year, n, 1)).filter((_, n) => n % months === 0);
  const n = firsts.findLastIndex((at) => at <= now);
  return within(firsts[n] as Millis, firsts[n + 1] as Millis);
}
