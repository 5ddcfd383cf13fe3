/**
 * Signatures of answers: RSA-2048, PKCS#1 v1.5, SHA-256 over the exact bytes sent. One costs more than a millisecond of
 * a processor, so they are made on libuv's threads, a few at once, and whoever does not need one never waits for them.
 * All that is signed in a server goes through this queue: message signatures, vouchers, client tokens and files too.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign } from "node:crypto";
import { promisify } from "node:util";
import type { Store } from "../stores/store.ts";
import { nonceLengthMax, signaturesAtOnce, signedAnswersMax } from "./limits.ts";
import { Problem } from "./problem.ts";

/** Work that is done elsewhere than on the main thread. Resolves when it is over, whatever came of it. */
type Job = () => Promise<void>;

interface SigningKey {
  readonly key: KeyObject;
  readonly publicKeyPem: string;
}

export class Signer {
  readonly #keys = new Map<string, SigningKey>();
  readonly #waiting: Job[] = [];
  readonly #answersMax: number;
  /** Places taken, in all and by each vendor: none may take more than half, so that one's flood leaves room to the others. */
  #taken = 0;
  readonly #takenBy = new Map<string, number>();
  #working = 0;

  constructor(answersMax: number = signedAnswersMax) {
    this.#answersMax = answersMax;
  }

  /** Takes over the key pair of a vendor: its private half as PKCS#8 PEM. */
  add(isvId: string, privateKeyPem: string): void {
    const key = createPrivateKey(privateKeyPem);
    const publicKeyPem = createPublicKey(key).export({ type: "spki", format: "pem" }) as string;
    this.#keys.set(isvId, { key, publicKeyPem });
  }

  /** SubjectPublicKeyInfo as PEM, the form that SLASCONE's samples hold; undefined: the vendor has no key pair. */
  publicKeyPem(isvId: string): string | undefined {
    return this.#keys.get(isvId)?.publicKeyPem;
  }

  /**
   * Takes a place for an answer that is to be signed, before anything of its request happens: a refusal afterwards
   * would hide what was granted. False: all places, or all that one vendor may have while there are several, are taken.
   * Every place taken is given back with `leave`.
   */
  enter(isvId: string): boolean {
    const own = this.#takenBy.get(isvId) ?? 0;
    const ownMax = this.#keys.size > 1 ? this.#answersMax / 2 : this.#answersMax;
    if (this.#taken >= this.#answersMax || own >= ownMax) return false;
    this.#taken++;
    this.#takenBy.set(isvId, own + 1);
    return true;
  }

  leave(isvId: string): void {
    this.#taken--;
    this.#takenBy.set(isvId, (this.#takenBy.get(isvId) ?? 1) - 1);
  }

  /** The headers with SLASCONE's signatures of a body, and of a nonce where one was sent that may be signed. */
  slasconeHeaders(isvId: string, body: string | Buffer, nonce: Buffer | null): Promise<readonly string[]> {
    return this.inTurn(async () => {
      const key = this.#key(isvId);
      const signed = await signRsa("sha256", typeof body === "string" ? Buffer.from(body) : body, key);
      const headers = ["x-slascone-signature", signed.toString("base64")];
      if (nonce === null) return headers;
      return [...headers, "X-Nonce-Signature", (await signRsa("sha256", nonce, key)).toString("base64")];
    });
  }

  /** The RSA signature of some bytes, in the same queue. The caller has a place. */
  signBytes(isvId: string, bytes: Buffer): Promise<Buffer> {
    return this.inTurn(() => signRsa("sha256", bytes, this.#key(isvId)));
  }

  #key(isvId: string): KeyObject {
    const key = this.#keys.get(isvId)?.key;
    if (key === undefined) throw new Error(`vendor ${isvId} has no signing key`);
    return key;
  }

  /** Makes some other signature when it is its turn. The caller has a place. */
  inTurn<T>(make: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => attempt(make).then(resolve, reject));
      this.#work();
    });
  }

  /**
   * Takes a place, does the work and gives the place back.
   * @throws Problem (503) where no place is left: nothing has happened then.
   */
  async withPlace<T>(isvId: string, work: () => Promise<T>): Promise<T> {
    if (!this.enter(isvId)) throw signingBusy();
    try {
      return await work();
    } finally {
      this.leave(isvId);
    }
  }

  #work(): void {
    while (this.#working < signaturesAtOnce) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#working++;
      void job().then(() => {
        this.#working--;
        this.#work();
      });
    }
  }
}

/** A failure of any kind is the promise's, never the queue's. */
async function attempt<T>(make: () => Promise<T>): Promise<T> {
  return make();
}

/** The refusal of a request whose answer would have no place in the queue. */
export function signingBusy(): Problem {
  return new Problem("signing_busy", "Nothing of the request happened. Try again in a moment.", ["Retry-After", "1"]);
}

const signRsa = promisify(sign) as (algorithm: string, bytes: Buffer, key: KeyObject) => Promise<Buffer>;

const base64 = /^[A-Za-z0-9+/]+={0,2}$/;
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The bytes of a nonce that may be signed; null: the answer goes without. The same key signs bodies, so signing any
 * bytes that a caller chooses would forge them. A nonce is 16 bytes or a GUID, and nothing that reads as JSON or XML
 * is one, white space before it or not.
 */
export function nonceToSign(header: string | null): Buffer | null {
  if (header === null || header.length > nonceLengthMax) return null;
  if (guid.test(header)) return Buffer.from(header);
  if (!base64.test(header)) return null;
  const bytes = Buffer.from(header, "base64");
  const text = bytes.toString("latin1");
  if (bytes.length !== 16 && !guid.test(text)) return null;
  return readsAsBody(text) ? null : bytes;
}

/**
 * Whether bytes could be the body of an answer to any reader: what starts like JSON or XML, in UTF-8 or (its zeros left
 * out) UTF-16, marked as such or not, or is a JSON number or word.
 */
function readsAsBody(bytes: string): boolean {
  const text = bytes.replaceAll("\0", "");
  if (/^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[ \t\r\n]*[{["<]/.test(text) || /^(\xff\xfe|\xfe\xff)/.test(text)) return true;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const makeKeyPair = promisify(generateKeyPair);

/** The signing keys of all vendors; those that are missing are made and kept in the store. */
export async function loadSigningKeys(store: Store): Promise<Signer> {
  const signer = new Signer();
  for (const vendor of store.catalog.vendors()) await loadSigningKey(store, signer, vendor.isv.id);
  return signer;
}

/** The signing key of one vendor, for one that joins a running server. */
export async function loadSigningKey(store: Store, signer: Signer, isvId: string): Promise<void> {
  const name = `signing-key:${isvId}`;
  let pem = store.setting(name);
  if (pem === undefined) {
    const { privateKey } = await makeKeyPair("rsa", { modulusLength: 2048 });
    // Another server may have made one meanwhile: clients know one key.
    pem = await store.keepSetting(name, privateKey.export({ type: "pkcs8", format: "pem" }) as string);
  }
  signer.add(isvId, pem);
}
