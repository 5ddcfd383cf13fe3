/** Acts that leave a line in the audit log, as the desk's tests have them: whoever opens a session. */
import type { Audit } from "../../src/desk/desk.ts";
import type { Store } from "../../src/stores/store.ts";

/** The line of whoever opened a session of a vendor. */
export function opening(isvId: string): Audit {
  const author = { keyId: null, name: "an administrator", onBehalfOf: null };
  return ({ granted }, at) => {
    if (granted?.session == null) return null;
    const about = { act: "user.added", kind: "user", id: granted.session.clientId, before: null, after: null } as const;
    return { at, isvId, author, ...about };
  };
}

/** Those whom the audit log names, in the order of their lines. */
export async function openersIn(store: Store, isvId: string): Promise<string[]> {
  const all = { isvId, kind: "user", id: null, from: null, to: null, offset: 0, limit: 10_000 } as const;
  return (await store.audit(all)).items.map(({ id }) => id).toReversed();
}
