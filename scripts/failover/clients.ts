/**
 * Clients that open, extend and close sessions, and a ledger of what they were told: what was acknowledged must be true
 * whatever happens to the servers.
 */
import { setTimeout as delay } from "node:timers/promises";
import { until } from "./waiting.ts";

const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
const tokens = 10;
const licenseIds = [1, 2, 3, 4].map((n) => `00000000-0000-4000-8000-00000000000${n}`);
/** More than there are tokens, so that the limit is reached all the time. */
const clientCount = 24;

export const tenantFile = `isv: { id: ${isv}, name: Failover }
keys:
  - { name: app, role: provisioning, secret: failover-provisioning-key, response_signature: none }
  - { name: admin, role: admin, secret: failover-admin-key }
products:
  - { name: CAD }
editions:
  - { product: CAD, name: Floating users, provisioning_mode: floating, client_type: users, session_period: 60 }
customers:
  - { number: "1", name: Factor GmbH }
licenses:
${licenseIds.map((id) => `  - { id: ${id}, customer: "1", edition: Floating users, floating_token_limit: ${tokens} }`).join("\n")}
`;

/** What a client knows of its session on a licence. */
interface Known {
  readonly licenseId: string;
  readonly client: string;
  readonly sessionId: string;
  /** As acknowledged last; null: it has none. */
  validUntil: string | null;
  /** When its latest session began. */
  createdAt: string | null;
  /** Something was asked since, and never answered. */
  isUnsure: boolean;
  /** From an acknowledged open until a close is asked for: it has a token, whatever was answered in between. */
  isHeld: boolean;
}

interface Answer {
  readonly id?: number;
  readonly session_created_date?: string;
  readonly session_valid_until?: string;
}

const exhausted = 1007;
const noSession = 12001;

export class Load {
  readonly #nodes: readonly string[];
  readonly #known: readonly (readonly Known[])[];
  readonly #grants: number[] = [];
  readonly #violations: string[] = [];
  #running: Promise<unknown> | null = null;
  #isStopping = false;
  /** When the latest granted open was asked for. */
  #lastAskedAt = 0;
  counts = { opened: 0, closed: 0, denied: 0, unanswered: 0 };

  constructor(nodes: readonly string[]) {
    this.#nodes = nodes;
    this.#known = Array.from({ length: clientCount }, (_, client) =>
      licenseIds.map((licenseId) => ({
        licenseId,
        client: `user${client}@factor.com`,
        sessionId: `3fa85f64-5717-4562-b3fc-${licenseId.slice(-4)}0000${String(client).padStart(4, "0")}`,
        validUntil: null,
        createdAt: null,
        isUnsure: false,
        isHeld: false,
      })),
    );
  }

  /** What was not as it had been acknowledged. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  get lastAskedAt(): number {
    return this.#lastAskedAt;
  }

  start(): void {
    this.#isStopping = false;
    this.#running = Promise.all(this.#known.map((own, n) => this.#use(own, n)));
  }

  /** Resolves when every client has its answer, or none in time. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** The longest time without a granted open between two instants of the process's clock, in milliseconds. */
  longestWait(from: number, to: number): number {
    const marks = [from, ...this.#grants.filter((at) => at > from && at < to), to];
    return Math.max(...marks.slice(1).map((at, n) => at - (marks[n] as number)));
  }

  /**
   * One client: a session of its own on some licence, opened, extended or closed. It asks the next server the same again
   * until it is answered, so that it knows of all its sessions but one how they stand.
   */
  async #use(own: readonly Known[], client: number): Promise<void> {
    let node = client;
    while (!this.#isStopping) {
      const known = own[Math.floor(Math.random() * own.length)] as Known;
      const verb = known.validUntil !== null && Math.random() < 0.5 ? "close" : "open";
      while (!this.#isStopping && !(await this.#call(this.#nodes[node % this.#nodes.length] as string, verb, known))) {
        node++;
        await delay(againMs);
      }
      await delay(pauseMs);
    }
  }

  /** Answers with whether there was an answer. */
  async #call(node: string, verb: "open" | "close", known: Known): Promise<boolean> {
    const wasUnsure = known.isUnsure;
    known.isUnsure = true;
    if (verb === "close") known.isHeld = false;
    const askedAt = performance.now();
    const answer = await ask(node, verb, known);
    if (answer === null) {
      this.counts.unanswered++;
      return false;
    }
    known.isUnsure = false;
    const { status, body } = answer;
    if (status === 200 && verb === "open") this.#granted(known, body, askedAt, wasUnsure);
    else if (status === 200) {
      known.validUntil = null;
      this.counts.closed++;
    } else if (status === 409 && body.id === (verb === "open" ? exhausted : noSession)) {
      if (known.validUntil !== null && !wasUnsure) this.#violate(`${verb} ${known.client}: its session is lost`);
      known.validUntil = null;
      known.isHeld = false;
      this.counts.denied++;
    } else this.#violate(`${verb} ${known.client}: ${status} ${JSON.stringify(body)}`);
    return true;
  }

  #granted(known: Known, body: Answer, askedAt: number, wasUnsure: boolean): void {
    const isSame = body.session_created_date === known.createdAt;
    if (!wasUnsure && isSame !== (known.validUntil !== null)) {
      this.#violate(
        `${known.client}: ${isSame ? "its closed session is there again" : "its session was lost and began anew"}`,
      );
    }
    known.createdAt = body.session_created_date ?? null;
    known.validUntil = body.session_valid_until ?? null;
    known.isHeld = true;
    this.#grants.push(performance.now());
    this.#lastAskedAt = Math.max(this.#lastAskedAt, askedAt);
    this.counts.opened++;
    const held = this.#known.flat().filter(({ licenseId, isHeld }) => isHeld && licenseId === known.licenseId).length;
    if (held > tokens) this.#violate(`${held} tokens of ${tokens} in use on ${known.licenseId}`);
  }

  /** Compares what every server shows with what was acknowledged. Where nobody knew, the first server's word stands. */
  async check(): Promise<void> {
    for (const node of this.#nodes) for (const licenseId of licenseIds) await this.#checkLicense(node, licenseId);
  }

  async #checkLicense(node: string, licenseId: string): Promise<void> {
    const open = await openSessions(node, licenseId);
    if (open.size > tokens) this.#violate(`${node} shows ${open.size} of ${tokens} tokens in use on ${licenseId}`);
    for (const known of this.#known.flat()) {
      if (known.licenseId !== licenseId) continue;
      const shown = open.get(known.sessionId) ?? null;
      if (!known.isUnsure && shown !== known.validUntil) {
        this.#violate(`${node} shows ${known.client} until ${shown}, acknowledged was ${known.validUntil}`);
      }
      known.validUntil = shown;
      known.isHeld = shown !== null;
      known.isUnsure = false;
    }
  }

  #violate(what: string): void {
    this.#violations.push(what);
  }
}

/** How long a client waits before it asks again, and what it works between two answers. */
const againMs = 100;
const pauseMs = 10;

/** A server that does not answer in the time that clients give it (15 s in SLASCONE's) has not answered. */
const patienceMs = 15_000;

/** Null: no answer, or one that asks to come again. */
async function ask(
  node: string,
  verb: "open" | "close",
  { licenseId, client, sessionId }: Known,
): Promise<{ readonly status: number; readonly body: Answer } | null> {
  try {
    const response = await fetch(`${node}/api/v2/isv/${isv}/provisioning/session/${verb}`, {
      method: "POST",
      headers: { ProvisioningKey: "failover-provisioning-key", "Content-Type": "application/json" },
      body: JSON.stringify({ license_id: licenseId, client_id: client, session_id: sessionId }),
      signal: AbortSignal.timeout(patienceMs),
    });
    const body = (await response.json()) as Answer;
    return response.status === 503 ? null : { status: response.status, body };
  } catch {
    return null;
  }
}

/** The sessions that a server shows as open, with their ends. */
async function openSessions(node: string, licenseId: string): Promise<Map<string, string>> {
  let response: Response | undefined;
  // Asked again as any client would: a server may just have noticed that its primary is gone.
  await until(`${node} shows its sessions`, patienceMs, async () => {
    response = await fetch(`${node}/api/v2/isv/${isv}/licenses/${licenseId}/opensessions`, {
      headers: { AdminKey: "failover-admin-key" },
      signal: AbortSignal.timeout(patienceMs),
    });
    return response.ok;
  });
  const sessions = (await response?.json()) as { session_id: string; session_valid_until: string }[];
  return new Map(sessions.map((each) => [each.session_id, each.session_valid_until]));
}
