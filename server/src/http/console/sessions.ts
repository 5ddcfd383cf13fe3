/**
 * Who is signed in to the console. A cookie names an admin key and two instants, and is signed with a key that the store
 * holds, so every server of a database knows it and none remembers it. It is bound to the admin key as it is: with
 * another secret, switched off or without its role it is worth as much as the key, nothing.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { adminRoleOf, type Key } from "../../catalog/entities.ts";
import type { Millis } from "../../core/types.ts";
import type { Store } from "../../stores/store.ts";
import type { Head } from "../head.ts";
import { consoleIdleMs, consoleSessionMs } from "../limits.ts";
import { Problem } from "../problem.ts";

/** A session of the console. */
export interface SignedIn {
  readonly isvId: string;
  readonly key: Key;
  /** When it began, and when it is over unless it is used. */
  readonly since: Millis;
  readonly until: Millis;
}

const cookieName = "seatkeeper-console";
/** Browsers take a cookie of this prefix only from a page of TLS, for the whole host and for no other. */
const secureName = `__Host-${cookieName}`;

/** Loads what cookies are signed with; draws it at the first start. `isTls`: the server itself is reached by TLS alone. */
export async function loadConsoleSessions(store: Store, isTls: boolean): Promise<ConsoleSessions> {
  const secret = await store.keepSetting("console_key", randomBytes(32).toString("base64url"));
  return new ConsoleSessions(store, Buffer.from(secret, "base64url"), isTls);
}

export class ConsoleSessions {
  readonly #store: Store;
  readonly #secret: Buffer;
  readonly #isTls: boolean;

  constructor(store: Store, secret: Buffer, isTls: boolean) {
    this.#store = store;
    this.#secret = secret;
    this.#isTls = isTls;
  }

  /** @throws Problem (401) unless it is the secret of an active admin key. */
  signIn(secret: string): SignedIn {
    const found = this.#store.catalog.keyOfSecret(secret);
    if (found === undefined || !isUsable(found.key)) throw new Problem("key_unknown", "It is no active admin key.");
    const now = this.#store.now();
    return { ...found, since: now, until: now + consoleIdleMs };
  }

  /** Who sends the cookie; null: nobody who is signed in. */
  of(head: Head): SignedIn | null {
    const [isvId = "", keyId = "", since = "", until = "", mac = ""] = this.#cookieOf(head)?.split(".") ?? [];
    const key = this.#store.catalog.vendor(isvId)?.keys.get(keyId);
    if (key === undefined || !isUsable(key)) return null;
    const session = { isvId, key, since: Number(since), until: Number(until) };
    const wanted = Buffer.from(this.#mac(session));
    const given = Buffer.from(mac);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
    return this.#store.now() < session.until ? session : null;
  }

  /** The cookie that carries a session on, once half of its idle time is over; null: not yet. */
  renewal(session: SignedIn, head: Head): string | null {
    const end = session.since + consoleSessionMs;
    const until = Math.min(this.#store.now() + consoleIdleMs, end);
    const gained = until - session.until;
    const isWorthIt = gained >= consoleIdleMs / 2 || (gained > 0 && until === end);
    return isWorthIt ? this.cookie({ ...session, until }, head) : null;
  }

  cookie(session: SignedIn, head: Head): string {
    const { isvId, key, since, until } = session;
    const value = [isvId, key.id, since, until, this.#mac(session)].join(".");
    return `${this.#nameFor(head)}=${value}; ${this.#attributes(head)}; Max-Age=${Math.ceil((until - this.#store.now()) / 1_000)}`;
  }

  /** A cookie that makes the browser forget the one it has. */
  noCookie(head: Head): string {
    return `${this.#nameFor(head)}=; ${this.#attributes(head)}; Max-Age=0`;
  }

  /** As the proxy says. Whoever lies about it to us only spoils the own cookie: browsers do not let other sites send this. */
  #isSecure({ forwardedProto }: Head): boolean {
    return this.#isTls || forwardedProto?.split(",")[0]?.trim().toLowerCase() === "https";
  }

  #nameFor(head: Head): string {
    return this.#isSecure(head) ? secureName : cookieName;
  }

  #attributes(head: Head): string {
    return `Path=/; HttpOnly; SameSite=Strict${this.#isSecure(head) ? "; Secure" : ""}`;
  }

  #cookieOf(head: Head): string | undefined {
    const name = this.#nameFor(head);
    const pairs = (head.cookie ?? "").split(";").map((pair) => pair.trim());
    return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  }

  #mac({ isvId, key, since, until }: SignedIn): string {
    const text = JSON.stringify([isvId, key.id, key.secret_sha256, since, until]);
    return createHmac("sha256", this.#secret).update(text).digest("base64url");
  }
}

function isUsable(key: Key): boolean {
  return key.is_active && adminRoleOf(key) !== null;
}

/**
 * A cookie comes along by itself, whoever made the browser ask. So a request with one must be from our own pages; and one
 * that changes anything needs a header that other sites' pages cannot set unasked.
 * @throws Problem (403)
 */
export function requireOwnPage(head: Head, isChange: boolean): void {
  const { fetchSite, origin, host, requestedWith } = head;
  const isOwnSite = fetchSite === null || fetchSite === "same-origin" || fetchSite === "none";
  const isOwnOrigin = origin === null || hostOf(origin) === host?.toLowerCase();
  if (!isOwnSite || !isOwnOrigin) throw new Problem("page_foreign", "A page of another site has asked for this.");
  if (isChange && (requestedWith === null || requestedWith.trim() === "")) {
    throw new Problem("page_foreign", "Send X-Requested-With, with any text: only our own pages can.");
  }
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
