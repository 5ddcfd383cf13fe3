/** Asks a running server for a copy of its data: it alone may open its file. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request as requestPlain } from "node:http";
import { type RequestOptions, request as requestSecure } from "node:https";
import { json } from "node:stream/consumers";
import { type Config, ConfigRefused } from "../config.ts";
import { exitCodes } from "./exit-codes.ts";
import { CommandRefused } from "./refused.ts";

/** What the server calls its copies. A page of somebody else, to sign in for example, is none. */
const answerTypes = { backup: "application/vnd.sqlite3", export: "application/jsonl" };

/** As long as a server may say nothing: it makes the copy before it answers, and a large one takes minutes. */
const silenceMaxMs = 600_000;

/** @throws CommandRefused, also while the answer is read. */
export async function askServer(
  config: Config,
  url: string | undefined,
  what: "backup" | "export",
  silenceMs = silenceMaxMs,
) {
  const address = url ?? addressOf(config);
  if (config.operatorKey === null) {
    throw new CommandRefused(
      exitCodes.config,
      "A server has the database, and makes the copy itself: set SEATKEEPER_OPERATOR_KEY to the same value as for the server.",
    );
  }
  const trust = url === undefined && config.tls !== null ? trusting(config.tls.certFile) : {};
  const options = { ...trust, headers: { OperatorKey: config.operatorKey } };
  const answer = await ask(urlOf(address, what), options, silenceMs);
  if (answer.statusCode !== 200) throw await refusalIn(answer, address);
  if (answer.headers["content-type"]?.split(";")[0] === answerTypes[what]) return wholeOf(answer, address);
  answer.destroy();
  throw new CommandRefused(exitCodes.unavailable, `What answers at ${address} is no Seatkeeper: it sends no ${what}.`);
}

function urlOf(address: string, what: string): URL {
  const url = URL.parse(`${address.replace(/\/$/, "")}/operator/${what}`);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new CommandRefused(exitCodes.usage, `--url ${address}: want an address such as http://127.0.0.1:7070.`);
}

/** What Node calls a certificate that does not do. */
const notTrusted = /^(CERT_|DEPTH_|SELF_|UNABLE_|ERR_TLS_)/;

function ask(url: URL, options: RequestOptions, silenceMs: number): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? requestSecure : requestPlain;
  return new Promise((resolve, reject) => {
    const refuse = ({ message, code = "" }: NodeJS.ErrnoException) => {
      const why = message || code;
      const sentence = notTrusted.test(code)
        ? `What answers at ${url} shows another certificate than is trusted here: ${why}. If the server's was renewed, send it SIGHUP.`
        : `A server has the database, but nobody answers at ${url}: ${why}. Name its address with --url.`;
      reject(new CommandRefused(exitCodes.unavailable, sentence));
    };
    const asked = request(url, { ...options, timeout: silenceMs });
    const silent = () => new Error(`nothing has come for ${silenceMs / 60_000} minutes`);
    const endSilence = () => asked.destroy(silent());
    asked.on("timeout", endSilence).on("error", refuse);
    asked.on("response", (answer) => {
      // Whoever reads the answer is told why it ends.
      asked.off("timeout", endSilence).on("timeout", () => answer.destroy(silent()));
      resolve(answer);
    });
    asked.end();
  });
}

/** All of the answer, or an end that says so. */
async function* wholeOf(answer: IncomingMessage, address: string): AsyncGenerator<Uint8Array> {
  try {
    yield* answer;
  } catch (error) {
    const why = (error as Error).message;
    throw new CommandRefused(exitCodes.unavailable, `The server at ${address} has stopped in the middle: ${why}.`);
  }
}

async function refusalIn(answer: IncomingMessage, address: string): Promise<CommandRefused> {
  const { detail = "", title = "" } = (await json(answer).catch(() => ({}))) as { detail?: string; title?: string };
  const isRefused = answer.statusCode === 401 || answer.statusCode === 403;
  return new CommandRefused(
    isRefused ? exitCodes.noPermission : exitCodes.unavailable,
    `The server at ${address} answers ${answer.statusCode}. ${title} ${detail}`.trim(),
  );
}

/** Where the server of these settings listens. */
function addressOf({ host, port, tls }: Config): string {
  if (port === 0)
    throw new CommandRefused(exitCodes.usage, "SEATKEEPER_PORT is 0: name the server's address with --url.");
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `${tls === null ? "http" : "https"}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** The certificate of the settings and no other one: for whichever name it is, and whoever has issued it. */
function trusting(certFile: string): RequestOptions {
  try {
    const ca = readFileSync(certFile);
    const { fingerprint256 } = new X509Certificate(ca);
    const checkServerIdentity: RequestOptions["checkServerIdentity"] = (_name, shown) =>
      shown.fingerprint256 === fingerprint256
        ? undefined
        : Object.assign(new Error(`it is not that of ${certFile}`), { code: "CERT_OTHER" });
    return { ca, allowPartialTrustChain: true, checkServerIdentity };
  } catch (error) {
    throw new ConfigRefused([`SEATKEEPER_TLS_CERT_FILE: ${certFile} cannot be used: ${(error as Error).message}`]);
  }
}
