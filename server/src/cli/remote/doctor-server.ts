/** What `doctor` looks at of the server: the way there, its clock, the key, the licence. */
import { once } from "node:events";
import { isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Client, connect, NotConfigured, Redirected, SeatkeeperError } from "@seatkeeper/client";
import { version } from "../../version.ts";
import { CommandRefused } from "../refused.ts";
import { type Account, accountOf, placeOf } from "./account.ts";
import { connectOptions, identify, type OwnKey, type RemoteOptions } from "./connection.ts";
import type { Finding } from "./doctor.ts";
import { licenseIdOf, lineOf } from "./licenses.ts";
import { kindOf } from "./login.ts";
import { local } from "./output.ts";
import { lookedUp } from "./status.ts";

/** Requests whose times are compared: the first one connects, the median of the others is the way. */
const looks = 5;
const lookMs = 5_000;

/** Sessions do not mind a wrong clock, for they count by the server's. People, logs and certificates do. */
const skewNotedMs = 5_000;
const skewWrongMs = 60_000;

/** Renewal of certificates by hand takes people this long. */
const certificateDays = 21;

/** A licence that ends so soon is worth a word. */
const expiryDays = 14;

/** A session is extended when half of its period is over, and tried again: a request has to be short beside that. */
const periodShare = 0.02;

const msPerDay = 86_400_000;

/** Everything about the server; the first thing that makes the rest pointless is the last one told. */
export async function remoteServer(options: RemoteOptions & { readonly license?: string }): Promise<Finding[]> {
  let account: Account;
  try {
    account = accountOf(options.profile);
    // Sends nothing. What can be no address or key is told of and not shown: it may hold a password.
    connect(connectOptions(account, "admin"));
  } catch (error) {
    if (!(error instanceof CommandRefused || error instanceof NotConfigured)) throw error;
    return [{ check: "login", result: "problem", text: error.message }];
  }
  const login: Finding = { check: "login", result: "ok", text: `${account.url}, from ${placeOf(account)}` };
  const way = await wayTo(account);
  if ("fault" in way) return [login, way.fault];
  const findings = [login, way.finding, clockFinding(way.skewMs), await transportFinding(new URL(account.url))];
  const key = await keyOf(account);
  if ("fault" in key) return [...findings, key.fault];
  const client = connect(connectOptions(account, key.own.role));
  return [...findings, ...keyFindings(key.own), ...(await licenseFindings(client, key.own, options, way.ms))];
}

// The way there

type Way = { readonly finding: Finding; readonly ms: number; readonly skewMs: number } | { readonly fault: Finding };

async function wayTo(account: Account): Promise<Way> {
  const { url } = account;
  const check = "server";
  const times: number[] = [];
  let skewMs = 0;
  try {
    for (let n = 0; n < looks; n++) {
      const started = performance.now();
      const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(lookMs), redirect: "manual" });
      times.push(performance.now() - started);
      skewMs = Date.now() - Date.parse(answer.headers.get("date") ?? "");
      const { status = "" } = (await answer.json().catch(() => ({}))) as { readonly status?: string };
      if (answer.status === 200 && status === "ready") continue;
      const redirect = answer.status >= 300 && answer.status < 400 ? await redirectOf(account) : null;
      if (redirect !== null) return { fault: { check, result: "problem", text: redirect.message } };
      const text = `${url} answers ${answer.status} when it is asked whether it is ready`;
      const remedy =
        answer.status === 503 ? "Look at the server's log." : "Is this the address of a Seatkeeper server?";
      return { fault: { check, result: "problem", text, remedy } };
    }
  } catch (error) {
    return { fault: unreached(check, url, error as Error) };
  }
  const ms = times.slice(1).toSorted((a, b) => a - b)[Math.floor((looks - 1) / 2)] ?? 0;
  return { finding: { check, result: "ok", text: `${url} is ready, and answers in ${ms.toFixed(1)} ms` }, ms, skewMs };
}

/** The client says best where a redirect leads. The key is not for whatever answers there. */
async function redirectOf(account: Account): Promise<Redirected | null> {
  const error = await identify({ ...account, key: "none", role: "admin" }).catch((caught: unknown) => caught);
  return error instanceof Redirected ? error : null;
}

function unreached(check: string, url: string, error: Error): Finding {
  const { code = "", message = error.message } = (error.cause ?? {}) as {
    readonly code?: string;
    readonly message?: string;
  };
  const text = `${url} cannot be reached: ${message || code}`;
  const isTrust = /CERT|SIGNED|SIGNATURE/.test(code);
  const remedy = isTrust
    ? "The certificate is not trusted: mend it, or name the authority that made it with NODE_EXTRA_CA_CERTS."
    : "Does the server run there? Is a firewall, a VPN or a proxy in the way?";
  return { check, result: "problem", text, remedy };
}

/** How far this machine's clock is before the server's. Its header has whole seconds. */
function clockFinding(skewMs: number): Finding {
  const check = "clock";
  const seconds = Math.round(Math.abs(skewMs) / 1_000);
  if (Number.isNaN(skewMs)) return { check, result: "note", text: "the server does not say what time it is" };
  if (Math.abs(skewMs) < skewNotedMs) return { check, result: "ok", text: "as the server's" };
  const text = `${seconds} s ${skewMs > 0 ? "ahead of" : "behind"} the server's`;
  const result = Math.abs(skewMs) < skewWrongMs ? "note" : "problem";
  return { check, result, text, remedy: "Set both machines by NTP." };
}

async function transportFinding({ protocol, hostname, port, host }: URL): Promise<Finding> {
  const check = "transport";
  if (protocol === "http:") {
    if (/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname))
      return { check, result: "ok", text: "within this machine" };
    const remedy = "Anybody on the way can read the key: use an address with https:.";
    return { check, result: "problem", text: "plain HTTP to another machine", remedy };
  }
  const ends = await certificateEnd(hostname.replace(/^\[|\]$/g, ""), Number(port || 443));
  // It was reached with this certificate just now, so it is trusted.
  if (ends === null) return { check, result: "ok", text: `TLS to ${host}` };
  const days = Math.floor((ends - Date.now()) / msPerDay);
  const text = `TLS; the certificate is good for ${days} days`;
  if (days >= certificateDays) return { check, result: "ok", text };
  return { check, result: "note", text, remedy: "Renew it in time." };
}

/** Null: behind a proxy, for one, it cannot be seen. */
async function certificateEnd(host: string, port: number): Promise<number | null> {
  // An address is no name that a server could choose its certificate by.
  const named = isIP(host) === 0 ? { servername: host } : {};
  const socket = connectTls({ host, port, timeout: lookMs, ...named });
  socket.once("timeout", () => socket.destroy(new Error("timeout")));
  try {
    await once(socket, "secureConnect");
    const end = Date.parse(socket.getPeerCertificate().valid_to);
    return Number.isNaN(end) ? null : end;
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
}

// The key

async function keyOf(account: Account): Promise<{ readonly own: OwnKey } | { readonly fault: Finding }> {
  try {
    return { own: await identify(account) };
  } catch (error) {
    if (!(error instanceof SeatkeeperError)) throw error;
    const remedy = "Ask the vendor's administrator for a key of this vendor, then: seatkeeper login.";
    return { fault: { check: "key", result: "problem", text: error.message, remedy } };
  }
}

function keyFindings(own: OwnKey): Finding[] {
  const bounds = [own.product_id, own.customer_id, own.license_id].filter((id) => id !== null);
  const bound = bounds.length === 0 ? "" : `, bound to ${bounds.join(" and ")}`;
  const key: Finding = { check: "key", result: "ok", text: `${own.name} of ${own.isv_name}: ${kindOf(own)}${bound}` };
  const isSame = own.server_version === version;
  const text = isSame ? version : `the server's is ${own.server_version}, this program's ${version}`;
  return [key, { check: "version", result: isSame ? "ok" : "note", text }];
}

// The licence

async function licenseFindings(
  client: Client,
  own: OwnKey,
  { license }: { readonly license?: string },
  ms: number,
): Promise<Finding[]> {
  if (license === undefined && !process.env.SEATKEEPER_LICENSE?.trim()) return [];
  const check = "licence";
  try {
    const id = await licenseIdOf(client, own.role === "admin", license);
    const { pools } = await client.tokens(id);
    const found = await lookedUp(client, id);
    const full = pools.filter(({ total, left }) => total > 0 && left === 0).map(({ kind }) => kind);
    const use: Finding =
      full.length === 0
        ? {
            check,
            result: "ok",
            text: pools.map(({ kind, left, total }) => `${kind}: ${left} of ${total} left`).join(", "),
          }
        : {
            check,
            result: "note",
            text: `every ${full.join(" and ")} token is in use`,
            remedy: `See: seatkeeper who ${id}`,
          };
    if (found === null) return [use];
    return [stateFinding(check, lineOf(found)), use, ...periodFindings(found.template.session_period, ms)];
  } catch (error) {
    if (!(error instanceof SeatkeeperError || error instanceof CommandRefused)) throw error;
    return [{ check, result: "problem", text: error.message, remedy: "Look at: seatkeeper licenses" }];
  }
}

function stateFinding(check: string, { id, name, state, expires_at }: ReturnType<typeof lineOf>): Finding {
  const called = name ?? id;
  if (state !== "active") {
    const remedy = state === "expired" ? "Renew it." : "The vendor has switched it off.";
    return { check, result: "problem", text: `${called} is ${state}`, remedy };
  }
  const days = expires_at === null ? Number.POSITIVE_INFINITY : (Date.parse(expires_at) - Date.now()) / msPerDay;
  if (days >= expiryDays) return { check, result: "ok", text: `${called} is active` };
  return { check, result: "note", text: `${called} expires ${local(expires_at)}`, remedy: "Renew it in time." };
}

function periodFindings(minutes: number | null, ms: number): Finding[] {
  if (minutes === null) return [];
  const check = "session period";
  const text = `${minutes} minutes, at ${ms.toFixed(1)} ms a request`;
  if (ms < minutes * 60_000 * periodShare) return [{ check, result: "ok", text }];
  return [{ check, result: "problem", text, remedy: "Sessions may lapse on the way: give the edition a longer one." }];
}
