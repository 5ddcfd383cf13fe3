/**
 * Client tokens: what a browser holds in the place of an API key. A backend mints one for a licence and a user; whoever
 * has it can open, extend and close sessions of that holder for some minutes, and nothing else.
 *
 * A JSON Web Token, signed with the vendor's key. Nothing is kept: a token ends by itself, or with the API key that it
 * was minted with.
 */
import { decodeProtectedHeader, jwtVerify, SignJWT } from "jose";
import type { Vendor } from "../catalog/catalog.ts";
import { secretHash } from "../catalog/catalog.ts";
import type { Key } from "../catalog/entities.ts";
import type { CloseCommand, OpenCommand } from "../core/types.ts";
import { newId } from "../ids.ts";
import type { Store } from "../stores/store.ts";
import { type Caller, reachesLicense, suffices } from "./access.ts";
import type { Head } from "./head.ts";
import { clientTokenLengthMax, clientTokensCheckedMax, clientTokensKnownMax } from "./limits.ts";
import { Problem } from "./problem.ts";
import type { Signer } from "./signing.ts";
import type { StatementKeys } from "./statement-keys.ts";

/** Whom a token is for. */
export interface TokenHolder {
  readonly licenseId: string;
  readonly userId: string;
  readonly clientId: string;
  /** Null: the token reaches no project. */
  readonly projectId: string | null;
}

/** Told apart from all else that the same key signs. */
const tokenType = "seatkeeper-client+jwt";

interface Known {
  readonly kid: string;
  readonly isvId: string;
  readonly keyId: string;
  readonly expiresAt: number;
  readonly holder: TokenHolder;
}

interface Parts {
  readonly store: Store;
  readonly signer: Signer;
  readonly statementKeys: StatementKeys;
}

export class ClientTokens {
  readonly #parts: Parts;
  /** Verified ones by their hash, the oldest first. */
  readonly #known = new Map<string, Known>();
  #checking = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A token that lasts for so long, and its end. @throws Problem (503) where the queue of signatures is full. */
  async mint({ key, vendor }: Caller, holder: TokenHolder, seconds: number) {
    const { store, signer, statementKeys } = this.#parts;
    const issuedAt = Math.floor(store.now() / 1_000);
    const { kid, privateKey } = await statementKeys.signing(vendor);
    const unsigned = new SignJWT({
      minted_by: key.id,
      license_id: holder.licenseId,
      client_id: holder.clientId,
      project_id: holder.projectId,
    })
      .setProtectedHeader({ alg: "EdDSA", typ: tokenType, kid })
      .setIssuer(vendor.isv.id)
      .setSubject(holder.userId)
      .setJti(newId())
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + seconds);
    const token = await signer.withPlace(vendor.isv.id, () => signer.inTurn(() => unsigned.sign(privateKey)));
    return { token, expiresAt: (issuedAt + seconds) * 1_000 };
  }

  /** The caller that a token stands for. @throws Problem: 401 for one that is not valid, 503 in a flood of new ones. */
  async callerOf(token: string, isvId: string): Promise<Caller> {
    const vendor = this.#parts.store.catalog.vendor(isvId.toLowerCase());
    if (vendor === undefined || token.length > clientTokenLengthMax) throw invalid();
    const known = this.#known.get(secretHash(token)) ?? (await this.#verified(token, vendor));
    const key = vendor.keys.get(known.keyId);
    const isOver = known.expiresAt <= this.#parts.store.now() || known.isvId !== vendor.isv.id;
    if (isOver || key === undefined || !mayMint(key, vendor, known.holder)) throw invalid();
    if (!(await this.#isPublished(known.kid, vendor))) throw invalid();
    return { key: asNarrow(key, known.holder), vendor, onlyFor: known.holder };
  }

  async #isPublished(kid: string, vendor: Vendor): Promise<boolean> {
    return (await this.#parts.statementKeys.published(vendor)).some((key) => key.kid === kid);
  }

  async #verified(token: string, vendor: Vendor): Promise<Known> {
    if (this.#checking >= clientTokensCheckedMax) {
      throw new Problem("tokens_busy", "Nothing of the request happened. Try again in a moment.", ["Retry-After", "1"]);
    }
    this.#checking++;
    try {
      const known = await this.#verify(token, vendor);
      if (this.#known.size >= clientTokensKnownMax) this.#known.delete(this.#known.keys().next().value as string);
      this.#known.set(secretHash(token), known);
      return known;
    } finally {
      this.#checking--;
    }
  }

  async #verify(token: string, vendor: Vendor): Promise<Known> {
    const { store, statementKeys } = this.#parts;
    const keys = await statementKeys.published(vendor);
    try {
      const { kid } = decodeProtectedHeader(token);
      const key = keys.find((published) => published.kid === kid);
      if (key === undefined) throw invalid();
      const { payload } = await jwtVerify(token, key.publicKey, {
        algorithms: ["EdDSA"],
        typ: tokenType,
        issuer: vendor.isv.id,
        currentDate: new Date(store.now()),
        requiredClaims: ["sub", "exp", "license_id", "client_id", "minted_by"],
      });
      return {
        kid: key.kid,
        isvId: vendor.isv.id,
        keyId: payload.minted_by as string,
        expiresAt: (payload.exp as number) * 1_000,
        holder: {
          licenseId: payload.license_id as string,
          userId: payload.sub as string,
          clientId: payload.client_id as string,
          projectId: payload.project_id as string | null,
        },
      };
    } catch {
      // Whatever is wrong with it: who sends a bad token learns no more than that.
      throw invalid();
    }
  }
}

/** The token in an `Authorization: Bearer`; null: there is none. */
export function bearerOf({ authorization }: Head): string | null {
  return /^Bearer +([\w.-]+) *$/i.exec(authorization ?? "")?.[1] ?? null;
}

function invalid(): Problem {
  return new Problem("token_invalid", "The client token is unknown, or over. Ask the backend for a new one.", [
    "WWW-Authenticate",
    'Bearer error="invalid_token"',
  ]);
}

/** Whether a key could mint the token now: one that was switched off or narrowed takes its tokens along. */
function mayMint(key: Key, vendor: Vendor, { licenseId }: TokenHolder): boolean {
  const license = vendor.licenses.get(licenseId);
  return key.is_active && suffices(key, "backend", "owner") && (license === undefined || reachesLicense(key, license));
}

/** What the token may do with the key that it was minted with. */
function asNarrow(key: Key, { licenseId }: TokenHolder): Key {
  return { ...key, role: "provisioning", scope: "app", response_signature: "none", license_id: licenseId };
}

/**
 * The command as the holder of the caller's token may give it, with the token's user and project; with an API key as
 * it is. @throws Problem (403) where it is for anybody else, a checkout or a voucher: a browser has no safe place for one,
 * and giving one up before its end counts against everybody on the licence.
 */
export function asHolder<C extends OpenCommand | CloseCommand>({ onlyFor }: Caller, command: C): C {
  if (onlyFor === undefined) return command;
  const { userId, clientId, projectId } = onlyFor;
  const asked = command.type === "open" ? command.projectId : null;
  if (command.clientId !== clientId) throw forOther("client_id");
  if ((command.userId ?? userId) !== userId) throw forOther("user_id");
  if ((asked ?? projectId) !== projectId) throw forOther("project_id");
  if (command.type === "close") return { ...command, userId, onlyFor: { userId, projectId } };
  if ((command.checkoutPeriod ?? 0) !== 0 || command.voucher != null) {
    throw new Problem(
      "key_insufficient",
      "A client token checks nothing out and gets no voucher: that is for API keys.",
    );
  }
  return { ...command, userId, projectId };
}

const forOther = (member: string) => new Problem("key_insufficient", `The client token is for another ${member}.`);
