/**
 * etcd and three PostgreSQL servers under Patroni, on loopback, as an unprivileged user, in a folder of their own; and
 * what may befall them. They run deploy/patroni.yml as it is: what differs comes from the environment.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { chownSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { until } from "./waiting.ts";

const debian = "/usr/lib/postgresql";
/** The newest that Debian 12's Patroni knows. */
const versions = ["15", "14", "13"];
const binaries = versions.map((version) => join(debian, version, "bin")).find((folder) => existsSync(folder));

/** PostgreSQL refuses to run as root: then all of it runs as nobody. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** What is not installed, as the packages that bring it. */
export function missingPackages(): string[] {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const isThere = (program: string) => folders.some((folder) => existsSync(join(folder, program)));
  return [
    ...(isThere("etcd") ? [] : ["etcd-server"]),
    ...(isThere("patroni") ? [] : ["patroni", "python3-etcd"]),
    ...(binaries === undefined ? ["postgresql-15"] : []),
  ];
}

export interface Member {
  readonly name: string;
  readonly port: number;
  readonly api: string;
  readonly data: string;
}

/** A line of Patroni's own view. */
interface Seen {
  readonly name: string;
  readonly role: string;
  readonly state: string;
  readonly lag?: number | string;
}

/** How long anything here may take before it has failed: twice the slowest start that was seen. */
const patienceMs = 90_000;

export class Cluster {
  readonly members: readonly Member[];
  readonly #folder: string;
  readonly #etcdPorts: readonly [number, number];
  readonly #running = new Map<string, ChildProcess>();
  readonly #frozen = new Set<number>();

  /** `ports` are nine free ones. */
  constructor(folder: string, ports: readonly number[]) {
    const [client = 0, peer = 0, ...rest] = ports;
    this.#folder = folder;
    this.#etcdPorts = [client, peer];
    this.members = ["db1", "db2", "db3"].map((name, n) => ({
      name,
      port: rest[2 * n] as number,
      api: `127.0.0.1:${rest[2 * n + 1]}`,
      data: join(folder, name, "data"),
    }));
    for (const place of ["", "etcd", ...this.members.map(({ name }) => name)]) {
      const path = join(folder, place);
      mkdirSync(path, { recursive: true });
      if (nobody.uid !== undefined) chownSync(path, nobody.uid, nobody.gid as number);
    }
    // Where the unprivileged user may read it.
    copyFileSync(fileURLToPath(new URL("../../deploy/patroni.yml", import.meta.url)), join(folder, "patroni.yml"));
  }

  /** The address that Seatkeeper's servers are given: all members, in any order. */
  get url(): string {
    const hosts = this.members.map(({ port }) => `127.0.0.1:${port}`).join(",");
    return `postgres://seatkeeper:${password}@${hosts}/seatkeeper`;
  }

  async start(): Promise<void> {
    const [client, peer] = this.#etcdPorts;
    const address = `http://127.0.0.1:${client}`;
    // The v3 API is not safe with Debian 12's Patroni: see deploy/patroni.yml.
    this.#spawn("etcd", "etcd", [
      "--enable-v2",
      ...["--name", "etcd", "--data-dir", join(this.#folder, "etcd", "data")],
      ...["--listen-client-urls", address, "--advertise-client-urls", address],
      ...[
        "--listen-peer-urls",
        `http://127.0.0.1:${peer}`,
        "--initial-advertise-peer-urls",
        `http://127.0.0.1:${peer}`,
      ],
      ...["--initial-cluster", `etcd=http://127.0.0.1:${peer}`],
    ]);
    await until("etcd answers", patienceMs, async () => (await ask(`127.0.0.1:${client}/health`)) !== undefined);
    for (const member of this.members) this.revive(member);
    await this.whole();
    await this.#makeDatabase();
  }

  /** Starts the member's Patroni, which starts its PostgreSQL. */
  revive({ name, port, api, data }: Member): void {
    this.#spawn(name, "patroni", [join(this.#folder, "patroni.yml")], {
      PATRONI_NAME: name,
      PATRONI_RESTAPI_LISTEN: api,
      PATRONI_RESTAPI_CONNECT_ADDRESS: api,
      PATRONI_POSTGRESQL_LISTEN: `127.0.0.1:${port}`,
      PATRONI_POSTGRESQL_CONNECT_ADDRESS: `127.0.0.1:${port}`,
      PATRONI_POSTGRESQL_DATA_DIR: data,
      PATRONI_POSTGRESQL_BIN_DIR: binaries as string,
      PATRONI_POSTGRESQL_PGPASS: join(this.#folder, name, "pgpass"),
      PATRONI_ETCD_HOSTS: `127.0.0.1:${this.#etcdPorts[0]}`,
      PATRONI_SUPERUSER_USERNAME: "postgres",
      PATRONI_SUPERUSER_PASSWORD: password,
      PATRONI_REPLICATION_USERNAME: "replicator",
      PATRONI_REPLICATION_PASSWORD: password,
    });
  }

  /** Resolves when there is a primary, the others are its synchronous standbys, and nobody is behind. */
  async whole(): Promise<void> {
    await until("the cluster is whole", patienceMs, async () => {
      const ended = this.members.find((member) => !this.isUp(member));
      if (ended !== undefined) throw new Error(`Patroni of ${ended.name} has ended: see ${ended.name}.log`);
      const seen = await this.look();
      const roles = seen.filter(({ state }) => state === "running" || state === "streaming").map(({ role }) => role);
      const isLevel = seen.every(({ lag }) => (lag ?? 0) === 0);
      return isLevel && roles.toSorted().join() === "leader,sync_standby,sync_standby";
    });
  }

  /** Patroni's view, by whoever answers first. */
  async look(): Promise<readonly Seen[]> {
    const answers = this.members.map(({ api }) => ask(`${api}/cluster`) as Promise<{ members?: Seen[] } | undefined>);
    const members = answers.map(async (answer) => (await answer)?.members ?? Promise.reject(new Error("no answer")));
    return Promise.any(members).catch(() => []);
  }

  /** Who holds the lock, and who may take it over. */
  async inRole(role: "leader" | "sync_standby"): Promise<Member> {
    const seen = (await this.look()).find((each) => each.role === role);
    const member = this.members.find(({ name }) => name === seen?.name);
    if (member === undefined) throw new Error(`nobody is the ${role}`);
    return member;
  }

  /** Whether the member takes writes: promoted, or never anything else. */
  async isWritable({ api }: Member): Promise<boolean> {
    return (await ask(`${api}/primary`)) !== undefined;
  }

  killPostgres(member: Member): void {
    for (const pid of postgresOf(member)) signal(pid, "SIGKILL");
  }

  /** PostgreSQL and Patroni at once, as when the machine loses its power. */
  killMachine(member: Member): void {
    this.#running.get(member.name)?.kill("SIGKILL");
    this.killPostgres(member);
  }

  /** Nobody answers, and no connection is cut: as when the machine hangs, or its network. */
  freeze(member: Member): void {
    const patroni = this.#running.get(member.name)?.pid;
    for (const pid of [...(patroni === undefined ? [] : [patroni]), ...postgresOf(member)]) {
      this.#frozen.add(pid);
      signal(pid, "SIGSTOP");
    }
  }

  thaw(): void {
    for (const pid of this.#frozen) signal(pid, "SIGCONT");
    this.#frozen.clear();
  }

  /** Whether the member's Patroni runs. */
  isUp({ name }: Member): boolean {
    const child = this.#running.get(name);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Ends everything, at once: nothing of it is needed any more. */
  stop(): void {
    this.thaw();
    for (const child of this.#running.values()) child.kill("SIGKILL");
    for (const member of this.members) this.killPostgres(member);
  }

  #spawn(name: string, program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
    const log = openSync(join(this.#folder, `${name}.log`), "a");
    const options: SpawnOptions = {
      ...nobody,
      cwd: join(this.#folder, name),
      env: { PATH: process.env.PATH, HOME: this.#folder, LC_ALL: "C.UTF-8", ...env },
      stdio: ["ignore", log, log],
    };
    this.#running.set(name, spawn(program, args, options));
  }

  async #makeDatabase(): Promise<void> {
    const { port } = await this.inRole("leader");
    const client = new Client({ connectionString: `postgres://postgres:${password}@127.0.0.1:${port}/postgres` });
    await client.connect();
    await client.query(`CREATE ROLE seatkeeper LOGIN PASSWORD '${password}'`);
    await client.query("CREATE DATABASE seatkeeper OWNER seatkeeper");
    await client.end();
  }
}

/** Of everybody here; nobody else reaches these servers, and they are gone afterwards. */
const password = "failover";

/** The server of a member and the processes that serve its connections, if it runs. */
function postgresOf({ data }: Member): number[] {
  const file = join(data, "postmaster.pid");
  const pid = existsSync(file) ? Number(readFileSync(file, "utf8").split("\n", 1)[0]) : Number.NaN;
  if (!(pid > 1) || !existsSync(`/proc/${pid}/cmdline`)) return [];
  // The file outlives its server, and the number may be somebody else's by now.
  if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(data)) return [];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  return [pid, ...children.map(Number)];
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

/** The answer of one of the cluster's own services, if it is a good one. */
async function ask(address: string): Promise<unknown> {
  try {
    const response = await fetch(`http://${address}`, { signal: AbortSignal.timeout(1_000) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/** Free ports on loopback, all held at once so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer());
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.listen(0, "127.0.0.1", () => resolve(null)))));
  const ports = probes.map((probe) => (probe.address() as { port: number }).port);
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}
