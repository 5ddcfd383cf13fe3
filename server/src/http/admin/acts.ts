/** What administrators do to sessions and clients, on record: a line of its own, right behind the act. */
import type { AuditLine, OtherAct } from "../../catalog/audit.ts";
import { endsPerStepMax } from "../../core/limits.ts";
import type { Place, Store } from "../../stores/store.ts";
import { onceDecided } from "../problem.ts";
import type { KeyedCall, Services } from "../route.ts";
import { authorOf } from "./author.ts";

/**
 * Ends all sessions of a licence, some at a time: in between, others have their turn. Answers with how many; a denial is one of the
 * first of them.
 */
export async function endAllSessions({ desk }: Pick<Services, "desk">, place: Place) {
  let ended = 0;
  for (;;) {
    const command = { type: "end", ...place, id: null } as const;
    const { denial, granted } = await onceDecided(() => desk.decide(command), ended > 0);
    ended += granted?.ended ?? 0;
    if (granted?.ended !== endsPerStepMax) return { ended, denial: ended > 0 ? null : denial };
  }
}

/**
 * Provisioning keys leave no line: what clients do is the licence's history. A line that the store does not take is lost:
 * the act stands in the history alone, and whoever asked for it is told that the outcome is unknown.
 */
export async function audit(
  store: Store,
  call: KeyedCall,
  act: OtherAct,
  kind: AuditLine["kind"],
  id: string,
  licenseId: string,
  after: object = {},
): Promise<void> {
  if (call.key.role !== "admin") return;
  const about = { act, kind, id, before: null, after: { license_id: licenseId, ...after } };
  const line = { at: store.now(), isvId: call.isvId, author: authorOf(call), ...about };
  await onceDecided(() => store.saveAudit(line));
}
