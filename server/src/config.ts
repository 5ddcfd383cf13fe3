/** The server's settings: read once from the environment, and all their faults told together. */
import { accessSync, constants } from "node:fs";
import { isIP } from "node:net";
import { addressesOf } from "./stores/postgres/addresses.ts";

export type DatabaseUrl =
  | { readonly kind: "memory" }
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "postgres"; readonly url: string };

export interface Config {
  readonly host: string;
  /** 0: the system chooses one. */
  readonly port: number;
  readonly database: DatabaseUrl;
  readonly tenantFiles: readonly string[];
  /** Null: plain HTTP, for a proxy that does TLS or for loopback. */
  readonly tls: TlsFiles | null;
  readonly logLevel: (typeof logLevels)[number];
  /** The key of whoever operates the server, which reaches what is of no one vendor; null: nothing does. */
  readonly operatorKey: string | null;
  /** How long a server that is told to stop is still there for whoever has not noticed. */
  readonly drainSeconds: number;
  /** Addresses, and networks such as 10.0.0.0/8, of proxies that are believed where a request comes from. */
  readonly trustedProxies: readonly string[];
}

/** PEM files, read at start and again at SIGHUP. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

/** The settings do not make a server; each line of the text names one fault. */
export class ConfigRefused extends Error {
  override readonly name = "ConfigRefused";

  constructor(faults: readonly string[]) {
    super(["configuration:", ...faults.map((fault) => `  ${fault}`)].join("\n"));
  }
}

/** @throws ConfigRefused naming every fault at once. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const faults: string[] = [];
  const read = <T>(name: string, fallback: string, parse: (text: string) => T | undefined, want: string): T => {
    // An empty value is an unset one: that is what compose files and unit files make of a missing variable.
    const text = env[name]?.trim() || fallback;
    const value = parse(text);
    const told = name === "SEATKEEPER_DATABASE_URL" ? withoutPassword(text) : text;
    const shown = secrets.has(name) ? "" : `=${JSON.stringify(told)}`;
    if (value === undefined) faults.push(`${name}${shown}: want ${want}`);
    return value as T;
  };
  const config: Config = {
    host: read("SEATKEEPER_HOST", "127.0.0.1", parseHost, "an address or host name to listen on"),
    port: read("SEATKEEPER_PORT", "7070", parsePort, "a whole number from 0 to 65535 (0: any free port)"),
    database: read("SEATKEEPER_DATABASE_URL", "sqlite:./data/seatkeeper.db", parseDatabase, wantedDatabase),
    tenantFiles: read("SEATKEEPER_TENANT_FILES", "", parseList, "paths, with commas between them"),
    tls: tlsFiles(
      read("SEATKEEPER_TLS_CERT_FILE", "", parsePath, "a path"),
      read("SEATKEEPER_TLS_KEY_FILE", "", parsePath, "a path"),
    ),
    logLevel: read("SEATKEEPER_LOG_LEVEL", "info", parseLogLevel, `one of ${logLevels.join(", ")}`),
    operatorKey: read("SEATKEEPER_OPERATOR_KEY", "", parseOperatorKey, "24 to 512 letters, digits or signs, no blanks"),
    drainSeconds: read("SEATKEEPER_DRAIN_SECONDS", "0", parseDrain, "a whole number from 0 to 300"),
    trustedProxies: read("SEATKEEPER_TRUSTED_PROXIES", "", parseProxies, wantedProxies),
  };
  if (config.tls !== null && (config.tls.certFile === "" || config.tls.keyFile === "")) {
    faults.push("SEATKEEPER_TLS_CERT_FILE and SEATKEEPER_TLS_KEY_FILE: want both, or none for plain HTTP");
  }
  if (faults.length > 0) throw new ConfigRefused([...faults, ...unreadable(config)]);
  return Object.freeze(config);
}

/** Files that are not there, told with what else is wrong. Alone they are told by whoever reads them, and what is in the others. */
function unreadable({ tenantFiles, tls }: Config): string[] {
  const named = [
    ...tenantFiles.map((path) => ["SEATKEEPER_TENANT_FILES", path] as const),
    ["SEATKEEPER_TLS_CERT_FILE", tls?.certFile ?? ""] as const,
    ["SEATKEEPER_TLS_KEY_FILE", tls?.keyFile ?? ""] as const,
  ];
  return named.flatMap(([name, path]) => {
    const reason = path === "" ? null : unreadableFor(path);
    return reason === null ? [] : [`${name}: ${path} cannot be read: ${reason}`];
  });
}

function unreadableFor(path: string): string | null {
  try {
    accessSync(path, constants.R_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Settings whose values are told to nobody. */
const secrets: ReadonlySet<string> = new Set(["SEATKEEPER_OPERATOR_KEY"]);

const wantedDatabase =
  "sqlite:PATH, postgres://USER:PASSWORD@HOST,…/DATABASE (in a password, signs such as / as %2F, @ as %40, # as %23) or memory:";

const wantedProxies = "IP addresses, or networks such as 10.0.0.0/8, with commas between them";

function parseHost(text: string): string | undefined {
  return /^[A-Za-z0-9._:-]+$/.test(text) ? text : undefined;
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= 65_535 ? port : undefined;
}

function parseDatabase(text: string): DatabaseUrl | undefined {
  if (text === "memory:") return { kind: "memory" };
  if (/^postgres(ql)?:\/\//.test(text))
    return addressesOf(text).every(isAddress) ? { kind: "postgres", url: text } : undefined;
  // After `sqlite://` stands a host, which a file has none of. Read as a path, it would be a folder of the root.
  const path = /^sqlite:(?:\/\/(?=\/)|(?!\/\/))(.+)$/s.exec(text)?.[1];
  return path === undefined ? undefined : { kind: "sqlite", path };
}

function isAddress(url: string): boolean {
  return URL.canParse(url);
}

/** Null: neither is set. */
function tlsFiles(certFile: string, keyFile: string): TlsFiles | null {
  return certFile === "" && keyFile === "" ? null : { certFile, keyFile };
}

function parsePath(text: string): string {
  return text;
}

function parseList(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** As long as nobody guesses, and as a header can hold. */
function parseOperatorKey(text: string): string | null | undefined {
  if (text === "") return null;
  return /^[!-~]{24,512}$/.test(text) ? text : undefined;
}

/** For people to read. What is refused may be so for a sign in its password, or before it: then nobody can tell where that is. */
function withoutPassword(url: string): string {
  return /^(sqlite|memory):/.test(url) ? url : url.replace(/^(\w+:\/\/)?.*/s, "$1…");
}

/** Five minutes: more than any balancer needs, and than any supervisor waits. */
function parseDrain(text: string): number | undefined {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  return seconds <= 300 ? seconds : undefined;
}

/** A network of every address there is would believe every client, which nobody can want. */
function parseProxies(text: string): string[] | undefined {
  const proxies = parseList(text);
  const isProxy = (proxy: string) => {
    const [, address = "", prefix] = /^([^/%]+)(?:\/([1-9]\d{0,2}))?$/.exec(proxy) ?? [];
    const bits = { 4: 32, 6: 128 }[isIP(address)];
    return bits !== undefined && Number(prefix ?? bits) <= bits;
  };
  return proxies.every(isProxy) ? proxies : undefined;
}

function parseLogLevel(text: string): Config["logLevel"] | undefined {
  return logLevels.find((level) => level === text);
}
