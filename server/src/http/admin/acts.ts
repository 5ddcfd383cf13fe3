/** What administrators do to sessions and clients, on record: a line of its own, right behind the act. */
import type { AuditLine, OtherAct } from "../../catalog/audit.ts";
import type { Store } from "../../stores/store.ts";
import type { KeyedCall } from "../route.ts";
import { authorOf } from "./change.ts";

/** Provisioning keys leave no line: what clients do is the licence's history. */
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
  await store.saveAudit({ at: store.now(), isvId: call.isvId, author: authorOf(call), ...about });
}
