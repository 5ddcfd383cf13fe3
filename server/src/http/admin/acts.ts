/** What administrators do to sessions and clients, on record: a line of its own, right behind the act. */
import type { AuditLine, OtherAct } from "../../catalog/audit.ts";
import type { Store } from "../../stores/store.ts";
import { onceDecided } from "../problem.ts";
import type { KeyedCall } from "../route.ts";
import { authorOf } from "./author.ts";

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
