/**
 * The headers that matter, read in one pass over the raw ones: Node's own view joins or drops what stands twice, and a
 * second API key or Host must not pass unseen.
 */
import { Problem } from "./problem.ts";

export interface Head {
  readonly provisioningKey: string | null;
  readonly adminKey: string | null;
  readonly operatorKey: string | null;
  readonly contentType: string | null;
  readonly contentLength: number | null;
  readonly isChunked: boolean;
  readonly nonce: string | null;
  readonly lastEventId: string | null;
  /** The client accepts problem details in the place of the bare 409. */
  readonly wantsProblem: boolean;
  /** The version that a change is for, as an answer's ETag named it. */
  readonly ifMatch: string | null;
  /** Whom the caller acts for, as the audit log shall say. */
  readonly lastModifiedBy: string | null;
  /** What the console's requests carry. */
  readonly cookie: string | null;
  readonly origin: string | null;
  readonly fetchSite: string | null;
  readonly requestedWith: string | null;
  /** The host that the request is for, as the client wrote it. */
  readonly host: string | null;
  /** How the client reached the proxy, as the proxy says. */
  readonly forwardedProto: string | null;
  /** Where the request came from, as proxies say, the last one last; several lines as one. */
  readonly forwardedFor: string | null;
  /** How the answer shall be signed, and the digest of the request's own body. */
  readonly acceptSignature: string | null;
  readonly contentDigest: string | null;
  readonly authorization: string | null;
}

/**
 * What costs a signature, made or verified, is not served the faster for a faster route: Fastify alone has it. And a page of
 * another origin without a key, which shall be able to read why it is refused.
 */
export function goesTheLongWay({ acceptSignature, authorization, origin, provisioningKey, adminKey }: Head): boolean {
  const isPage = origin !== null && provisioningKey === null && adminKey === null;
  return acceptSignature !== null || authorization !== null || isPage;
}

/** Whether a request comes with a body. */
export function hasBody({ contentType, contentLength, isChunked }: Head): boolean {
  return contentType !== null || isChunked || (contentLength !== null && contentLength > 0);
}

class MutableHead implements Head {
  provisioningKey: string | null = null;
  adminKey: string | null = null;
  operatorKey: string | null = null;
  contentType: string | null = null;
  contentLength: number | null = null;
  isChunked = false;
  nonce: string | null = null;
  lastEventId: string | null = null;
  wantsProblem = false;
  ifMatch: string | null = null;
  lastModifiedBy: string | null = null;
  cookie: string | null = null;
  origin: string | null = null;
  fetchSite: string | null = null;
  requestedWith: string | null = null;
  host: string | null = null;
  forwardedProto: string | null = null;
  forwardedFor: string | null = null;
  acceptSignature: string | null = null;
  contentDigest: string | null = null;
  authorization: string | null = null;
}

/** What is read of a request: its header lines, name and value in turn. */
export interface RawHead {
  readonly rawHeaders: readonly string[];
  readonly httpVersionMinor: number;
}

/** @throws Problem where a header is missing, repeated or unreadable. */
export function readHead(req: RawHead): Head {
  const raw = req.rawHeaders;
  const head = new MutableHead();
  for (let n = 0; n < raw.length; n += 2) {
    const name = raw[n] as string;
    const value = raw[n + 1] as string;
    // By length first: most headers are none of ours, and are not worth folding.
    switch (name.length) {
      case 4:
        if (is(name, "host")) head.host = hostOf(head.host, value);
        break;
      case 6:
        if (is(name, "accept") && acceptsProblem(value)) head.wantsProblem = true;
        else if (is(name, "cookie")) head.cookie = head.cookie === null ? value : `${head.cookie}; ${value}`;
        else if (is(name, "origin")) head.origin = once(head.origin, value, "Origin");
        break;
      case 7:
        if (is(name, "x-nonce")) head.nonce = once(head.nonce, value, "X-Nonce");
        break;
      case 8:
        if (is(name, "adminkey")) head.adminKey = once(head.adminKey, value, "AdminKey");
        else if (is(name, "if-match")) head.ifMatch = once(head.ifMatch, value, "If-Match");
        break;
      case 11:
        if (is(name, "operatorkey")) head.operatorKey = once(head.operatorKey, value, "OperatorKey");
        break;
      case 12:
        if (is(name, "content-type")) head.contentType = once(head.contentType, value, "Content-Type");
        break;
      case 13:
        if (is(name, "authorization")) head.authorization = once(head.authorization, value, "Authorization");
        else if (is(name, "last-event-id")) head.lastEventId = once(head.lastEventId, value, "Last-Event-ID");
        break;
      case 14:
        if (is(name, "content-length")) head.contentLength = lengthOf(head.contentLength, value);
        else if (is(name, "content-digest")) head.contentDigest = once(head.contentDigest, value, "Content-Digest");
        else if (is(name, "lastmodifiedby")) head.lastModifiedBy = once(head.lastModifiedBy, value, "LastModifiedBy");
        else if (is(name, "sec-fetch-site")) head.fetchSite = once(head.fetchSite, value, "Sec-Fetch-Site");
        break;
      case 15:
        if (is(name, "provisioningkey")) head.provisioningKey = once(head.provisioningKey, value, "ProvisioningKey");
        else if (is(name, "x-forwarded-for"))
          head.forwardedFor = head.forwardedFor === null ? value : `${head.forwardedFor},${value}`;
        break;
      case 16:
        if (is(name, "accept-signature")) head.acceptSignature = once(head.acceptSignature, value, "Accept-Signature");
        else if (is(name, "x-requested-with")) head.requestedWith = once(head.requestedWith, value, "X-Requested-With");
        break;
      case 17:
        if (is(name, "transfer-encoding")) head.isChunked = isChunked(value);
        else if (is(name, "x-forwarded-proto")) head.forwardedProto = value;
        break;
    }
  }
  if (head.host === null && req.httpVersionMinor > 0) {
    throw new Problem("request_malformed", "A request of HTTP/1.1 needs a Host header.");
  }
  return head;
}

function is(name: string, wanted: string): boolean {
  return name === wanted || name.toLowerCase() === wanted;
}

function once(known: string | null, value: string, name: string): string {
  if (known !== null) throw new Problem("header_repeated", `${name} may stand once.`);
  return value;
}

/** A name, an address or an empty text, and a port: what a URL may have there (RFC 9112, section 3.2). */
function hostOf(known: string | null, value: string): string {
  if (!/^[\w.~!$&'()*+,;=%:[\]-]*$/.test(value)) throw new Problem("request_malformed", "The Host header is no host.");
  return once(known, value, "Host");
}

function lengthOf(known: number | null, value: string): number {
  if (known !== null) throw new Problem("header_repeated", "Content-Length may stand once.");
  return Number(value);
}

function isChunked(encoding: string): true {
  if (encoding.trim().toLowerCase() === "chunked") return true;
  throw new Problem("request_malformed", "The only transfer encoding taken is chunked.");
}

/** Whether an Accept header names problem details with a weight above nothing. */
function acceptsProblem(accept: string): boolean {
  // What most clients send, and all of SLASCONE's.
  if (accept === "application/json" || accept === "*/*") return false;
  return accept
    .toLowerCase()
    .split(",")
    .some((range) => {
      const [type, ...parameters] = range.split(";").map((part) => part.trim());
      return type === "application/problem+json" && !parameters.some((part) => /^q=0(\.0*)?$/.test(part));
    });
}
