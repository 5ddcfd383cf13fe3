/**
 * Keeps vouchers where the system keeps such things, in files that their owner alone can read. For programs on Node.js.
 *
 * The folder has a secret; with this machine's id it makes the device's key, so that a folder that is copied to another
 * machine makes another key there. The record of the latest time seen is sealed with it.
 */

import type { KeySet } from "./key-set.ts";
import { NotConfigured } from "./settings.ts";
import { type VoucherKeeper, type VoucherStore, Vouchers } from "./vouchers.ts";

export type { VoucherKeeper } from "./vouchers.ts";

export interface VoucherFolderOptions {
  /** Else SEATKEEPER_STATE_DIR, else where the system keeps such things. */
  readonly folder?: string;
  /** False: vouchers are good on every machine that has them. For roaming profiles. */
  readonly deviceBound?: boolean;
  /** Unix milliseconds. For tests alone. */
  readonly now?: () => number;
  /** What tells machines apart. For tests alone. */
  readonly machineId?: () => string;
}

/** The record of time is written anew when it is this much behind: nobody sets a clock back for a minute's gain. */
const recordMs = 60_000;

/** What is used of Node's modules: the package needs no types of theirs. */
interface Modules {
  readonly "node:fs": {
    mkdirSync(path: string, options: object): unknown;
    readFileSync(path: string, encoding: "utf8"): string;
    writeFileSync(path: string, text: string, options: object): void;
    linkSync(from: string, to: string): void;
    renameSync(from: string, to: string): void;
    rmSync(path: string, options: object): void;
  };
  readonly "node:path": { join(...parts: readonly string[]): string };
  readonly "node:os": { homedir(): string; hostname(): string };
  readonly "node:child_process": { execFileSync(file: string, args: readonly string[], options: object): string };
  readonly "node:crypto": {
    randomBytes(size: number): Bytes;
    createHmac(algorithm: string, key: Uint8Array): Hash;
    createHash(algorithm: string): Hash;
    hkdfSync(digest: string, key: string, salt: string, info: string, length: number): ArrayBuffer;
    createPrivateKey(key: object): unknown;
    sign(algorithm: null, data: Uint8Array, key: unknown): Bytes;
    createPublicKey(key: unknown): { export(options: object): { readonly x: string } };
  };
}

interface Bytes {
  toString(encoding: "base64url"): string;
}

interface Hash {
  update(text: string): Hash;
  digest(encoding: "base64url"): string;
}

interface Program {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly pid: number;
  getBuiltinModule<M extends keyof Modules>(name: M): Modules[M];
}

/** Asked for at run time, as in settings.ts. */
function node(): Program {
  const { process } = globalThis as { readonly process?: Partial<Program> };
  if (process?.getBuiltinModule === undefined) throw new NotConfigured("voucherFolder needs Node.js 20.16 or later");
  return process as Program;
}

/** A keeper of vouchers, for the option `vouchers`. */
export function voucherFolder(options: VoucherFolderOptions = {}): VoucherKeeper {
  return new VoucherFolder(options);
}

class VoucherFolder implements VoucherKeeper, VoucherStore {
  readonly now: () => number;
  readonly #folder: string;
  readonly #isBound: boolean;
  readonly #machineId: () => string;
  #machine: string | undefined;
  readonly #fs = node().getBuiltinModule("node:fs");
  readonly #crypto = node().getBuiltinModule("node:crypto");

  constructor({ folder, deviceBound = true, now = () => Date.now(), machineId = thisMachine }: VoucherFolderOptions) {
    this.now = now;
    this.#folder = this.#path(folder ?? stateFolder(), "vouchers");
    this.#isBound = deviceBound;
    this.#machineId = machineId;
  }

  bind(isv: string, keySet: KeySet | string): Vouchers {
    return new Vouchers(isv, keySet, this);
  }

  async deviceKey(): Promise<string | undefined> {
    if (!this.#isBound) return undefined;
    return this.#crypto.createHash("sha256").update(jwkOf(this.#device().x)).digest("base64url");
  }

  async proof(voucherId: string): Promise<string | undefined> {
    if (!this.#isBound) return undefined;
    const { privateKey, x } = this.#device();
    const head = `{"alg":"EdDSA","typ":"seatkeeper-check-in+jwt","jwk":${jwkOf(x)}}`;
    const signed = `${base64url(head)}.${base64url(JSON.stringify({ voucher_id: voucherId }))}`;
    return `${signed}.${this.#crypto.sign(null, new TextEncoder().encode(signed), privateKey).toString("base64url")}`;
  }

  /** The shortest way to a key from 32 bytes: its PKCS#8 form is these after a fixed head. */
  #device(): { readonly privateKey: unknown; readonly x: string } {
    const key = new Uint8Array([...pkcs8Head, ...new Uint8Array(this.#derived("seatkeeper device key"))]);
    const privateKey = this.#crypto.createPrivateKey({ key, format: "der", type: "pkcs8" });
    return { privateKey, x: this.#crypto.createPublicKey(privateKey).export({ format: "jwk" }).x };
  }

  async read(name: string): Promise<string | undefined> {
    return this.#text(`${name}.jwt`)?.trim();
  }

  async write(name: string, voucher: string): Promise<void> {
    this.#replace(`${name}.jwt`, voucher);
  }

  async remove(name: string): Promise<void> {
    this.#fs.rmSync(this.#file(`${name}.jwt`), { force: true });
  }

  async seen(): Promise<number | undefined> {
    const [, at = "", seal = ""] = /^(\d{1,15}) ([\w-]+)$/.exec(this.#text("clock")?.trim() ?? "") ?? [];
    return seal !== "" && seal === this.#seal(at) ? Number(at) : undefined;
  }

  async saw(at: number): Promise<void> {
    const seen = await this.seen();
    if (seen !== undefined && at < seen + recordMs) return;
    const text = String(Math.floor(at));
    this.#replace("clock", `${text} ${this.#seal(text)}`);
  }

  #seal(text: string): string {
    const key = new Uint8Array(this.#derived("seatkeeper clock"));
    return this.#crypto.createHmac("sha256", key).update(text).digest("base64url");
  }

  #derived(purpose: string): ArrayBuffer {
    // Asked for once: on some systems a program has to be run for it, and this is done for each answer.
    if (this.#isBound) this.#machine ??= this.#machineId();
    return this.#crypto.hkdfSync("sha256", this.#secret(), this.#machine ?? "any machine", purpose, 32);
  }

  /** Made once, and whole; another program may make it at the same moment, and then both read the one that stands. */
  #secret(): string {
    const known = this.#text("device.key")?.trim();
    if (known) return known;
    const fresh = this.#written("device.key", this.#crypto.randomBytes(32).toString("base64url"));
    try {
      this.#fs.linkSync(fresh, this.#file("device.key"));
      this.#fs.rmSync(fresh, { force: true });
    } catch {
      // One stands there by now. An empty one does not count, and some file systems have no links: it is replaced.
      if (this.#text("device.key")?.trim()) this.#fs.rmSync(fresh, { force: true });
      else this.#fs.renameSync(fresh, this.#file("device.key"));
    }
    return this.#fs.readFileSync(this.#file("device.key"), "utf8").trim();
  }

  #text(name: string): string | undefined {
    try {
      return this.#fs.readFileSync(this.#file(name), "utf8");
    } catch (error) {
      if ((error as { readonly code?: string }).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Whole or not at all: a program may be killed at any moment. */
  #replace(name: string, text: string): void {
    this.#fs.renameSync(this.#written(name, text), this.#file(name));
  }

  /** A file beside the one of this name, which takes its place when it is whole. */
  #written(name: string, text: string): string {
    this.#makeFolder();
    const fresh = this.#file(`${name}.${node().pid}.${this.#crypto.randomBytes(6).toString("base64url")}`);
    this.#fs.writeFileSync(fresh, text, { mode: 0o600, flag: "wx" });
    return fresh;
  }

  #makeFolder(): void {
    this.#fs.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  #file(name: string): string {
    return this.#path(this.#folder, name);
  }

  #path(...parts: readonly string[]): string {
    return node()
      .getBuiltinModule("node:path")
      .join(...parts);
  }
}

/** In the order that thumbprints are made of (RFC 7638). */
const jwkOf = (x: string) => `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`;

const base64url = (ascii: string) => btoa(ascii).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/** What stands before the 32 bytes of an Ed25519 key in PKCS#8 (RFC 8410). */
const pkcs8Head = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/** The same folder as the Python client's. */
function stateFolder(): string {
  const { env, platform, getBuiltinModule } = node();
  const { join } = getBuiltinModule("node:path");
  const given = env.SEATKEEPER_STATE_DIR?.trim();
  if (given) return given;
  if (platform === "win32") return join(env.LOCALAPPDATA || join(home(), "AppData", "Local"), "seatkeeper");
  if (platform === "darwin") return join(home(), "Library", "Application Support", "seatkeeper");
  return join(env.XDG_STATE_HOME || join(home(), ".local", "state"), "seatkeeper");
}

function home(): string {
  const found = attempt(() => node().getBuiltinModule("node:os").homedir());
  if (!found)
    throw new NotConfigured("folder is missing, and the account has no home: pass it, or set SEATKEEPER_STATE_DIR");
  return found;
}

/** What the system tells machines apart by; where it has nothing, the machine's name. */
function thisMachine(): string {
  const { platform, getBuiltinModule } = node();
  const fs = getBuiltinModule("node:fs");
  const run = (file: string, ...args: readonly string[]) =>
    getBuiltinModule("node:child_process").execFileSync(file, args, { encoding: "utf8" });
  const sources: (() => string | undefined)[] =
    platform === "win32"
      ? [
          () =>
            found(
              run("reg", "query", "HKLM\\SOFTWARE\\Microsoft\\Cryptography", "/v", "MachineGuid"),
              /REG_SZ\s+(\S+)/,
            ),
        ]
      : platform === "darwin"
        ? [() => found(run("ioreg", "-rd1", "-c", "IOPlatformExpertDevice"), /"IOPlatformUUID" = "([^"]+)"/)]
        : ["/etc/machine-id", "/var/lib/dbus/machine-id"].map((path) => () => fs.readFileSync(path, "utf8").trim());
  for (const source of sources) {
    const id = attempt(source);
    if (id) return id;
  }
  return getBuiltinModule("node:os").hostname();
}

const found = (text: string, pattern: RegExp) => pattern.exec(text)?.[1];

/** Undefined where the system has no such file or program. */
function attempt(source: () => string | undefined): string | undefined {
  try {
    return source();
  } catch {
    return undefined;
  }
}
