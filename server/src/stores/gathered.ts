/** What of a gathered value stands in columns, and what beside them. */
import type { Gathered } from "../core/types.ts";

/** The members that no query asks for. */
export type GatheredBody = Pick<
  Gathered,
  "userId" | "moduleId" | "texts" | "amount" | "transactionId" | "externalId" | "happenedAt"
>;

export function gatheredBody(value: Gathered): GatheredBody {
  const { userId, moduleId, texts, amount, transactionId, externalId, happenedAt } = value;
  return { userId, moduleId, texts, amount, transactionId, externalId, happenedAt };
}
