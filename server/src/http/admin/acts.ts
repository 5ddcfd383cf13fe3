/** What administrators do to sessions and clients, on record together with what it came to. */
import type { AuditLine, OtherAct } from "../../catalog/audit.ts";
import { endsPerStepMax } from "../../core/limits.ts";
import type { Granted } from "../../core/types.ts";
import type { Audit } from "../../desk/desk.ts";
import { onceDecided } from "../problem.ts";
import type { KeyedCall, Services } from "../route.ts";
import { authorOf } from "./author.ts";

/** What a line says was done, and to what; `after` goes beside the licence. */
interface Act extends Pick<AuditLine, "kind" | "id"> {
  readonly act: OtherAct;
  readonly after?: object;
}

/**
 * What a command that is granted leaves in the audit log; `told` answers with null where it changed nothing. Provisioning keys
 * leave no line: what clients do is the licence's history.
 */
export function audited(call: KeyedCall, licenseId: string, told: (granted: Granted) => Act | null): Audit | undefined {
  if (call.key.role !== "admin") return undefined;
  const author = authorOf(call);
  return ({ granted }, at) => {
    const line = granted === null ? null : told(granted);
    if (line === null) return null;
    return { at, isvId: call.isvId, author, ...line, before: null, after: { license_id: licenseId, ...line.after } };
  };
}

/**
 * Ends all sessions of a licence, some at a time: in between, others have their turn, and each time has its line in the audit
 * log. Answers with how many; a denial is one of the first of them. Whoever opens faster than sessions end does not keep it going: it
 * ends twice as many as there were and one time more, at most.
 */
export async function endAllSessions(
  { desk, store }: Pick<Services, "desk" | "store">,
  call: KeyedCall,
  licenseId: string,
) {
  const live = (await store.read(call.isvId, licenseId))?.openSessions ?? 0;
  const command = { type: "end", isvId: call.isvId, licenseId, id: null } as const;
  const line = audited(call, licenseId, ({ ended }) =>
    ended === 0 ? null : { act: "session.ended", kind: "session", id: "all", after: { ended } },
  );
  let ended = 0;
  for (;;) {
    const { denial, granted } = await onceDecided(() => desk.decide(command, line), ended > 0);
    ended += granted?.ended ?? 0;
    if (granted?.ended !== endsPerStepMax || ended > 2 * live) return { ended, denial: ended > 0 ? null : denial };
  }
}

/** The line of a session that is ended by itself. */
export function sessionEnded(call: KeyedCall, licenseId: string, id: string): Audit | undefined {
  return audited(call, licenseId, () => ({ act: "session.ended", kind: "session", id }));
}

/** The line of something that is done to a client: activated, unassigned, suspended. */
export function clientChanged(call: KeyedCall, licenseId: string, act: OtherAct, after = {}): Audit | undefined {
  return audited(call, licenseId, ({ assignment }) =>
    assignment === null ? null : { act, kind: "assignment", id: assignment.id, after },
  );
}
