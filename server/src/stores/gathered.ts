/** What of a gathered value stands in columns, and what beside them. */
import type { Gathered } from "../core/types.ts";

/** The members that no query asks for. */
export type GatheredBody = Pick<
  Gathered,
  "moduleId" | "texts" | "amount" | "transactionId" | "externalId" | "happenedAt"
>;

export function gatheredBody(value: Gathered): GatheredBody {
  const { moduleId, texts, amount, transactionId, externalId, happenedAt } = value;
  return { moduleId, texts, amount, transactionId, externalId, happenedAt };
}
