/** How clients, users and sessions are told apart. */
import type { Terms } from "./types.ts";

/**
 * The form in which user names are compared: trimmed, case-folded, NFC. By way of upper case, which unites what lower
 * case alone keeps apart (ß, ẞ and SS, σ and ς); all but the dotless ı, which would become somebody else's i.
 */
export function fold(name: string): string {
  if (isFolded(name)) return name;
  const lower = name.trim().toLowerCase();
  if (ascii.test(lower)) return lower;
  const folded = lower.normalize("NFC").replace(/[^ı]+/g, (part) => part.toUpperCase().toLowerCase());
  return folded.normalize("NFC");
}

const ascii = /^[ -~]*$/;

/** Small letters, digits and signs, as nearly all names are: found out without making another text of it. */
function isFolded(name: string): boolean {
  for (let n = 0; n < name.length; n++) {
    const code = name.charCodeAt(n);
    if (code <= 32 || code > 126 || (code >= 65 && code <= 90)) return false;
  }
  return true;
}

/** The form in which mail domains are compared: they have no ß for ss, and no sigma at a word's end. */
export function foldDomain(domain: string): string {
  return domain.trim().normalize("NFC").toLowerCase();
}

/**
 * The form in which client ids are compared: exactly as written on a devices licence, where it is a machine's
 * fingerprint; as user names on every other one, where the client id often is the user's address.
 */
export function clientKey(terms: Pick<Terms, "clientType">, clientId: string): string {
  return terms.clientType === "devices" ? clientId : fold(clientId);
}

/**
 * Whom a session counts against: the project on a project licence; on a floating users licence the user (`user_id`, else the client), otherwise the client.
 * On a named licence the token is the client's assignment, so its sessions are bounded by client.
 */
export function holderKey(
  terms: Pick<Terms, "clientType" | "provisioningMode">,
  clientId: string,
  userId: string | null,
  projectId: string | null,
): string {
  if (terms.clientType === "projects") return projectId ?? "";
  if (terms.clientType === "devices") return clientId;
  return fold(terms.provisioningMode === "named" ? clientId : (userId ?? clientId));
}

/**
 * The identity of a session within its licence: client and `session_id`; without a `session_id` the client is the
 * session, on a users licence the client and the user. NUL cannot occur in an id (the wire refuses it), so it parts
 * the fields without doubt.
 */
export function sessionKey(
  terms: Pick<Terms, "clientType">,
  clientKey: string,
  sessionId: string | null,
  user: { readonly clientId: string; readonly userId: string | null },
): string {
  if (sessionId !== null) return `${clientKey}\0${sessionId}`;
  return terms.clientType === "users" ? `${clientKey}\0\0${fold(user.userId ?? user.clientId)}` : `${clientKey}\0`;
}

/** The user's name to keep: as first written, until it is another user's. */
export function asFirstWritten(kept: string | null, user: string): string {
  return kept !== null && fold(kept) === fold(user) ? kept : user;
}

/**
 * Whether a licence admits the user: everybody where it names no domains, otherwise those whose mail address belongs to
 * one of them or to a subdomain of one.
 */
export function admits({ allowedUserDomains }: Pick<Terms, "allowedUserDomains">, user: string): boolean {
  if (allowedUserDomains.length === 0) return true;
  const at = user.lastIndexOf("@");
  if (at < 1) return false;
  const domain = foldDomain(user.slice(at + 1));
  return allowedUserDomains.some((allowed) => domain === allowed || domain.endsWith(`.${allowed}`));
}
