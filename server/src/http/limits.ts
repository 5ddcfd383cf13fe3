/** Every bound of the wire, with its reason. Bounds of the rules stand in `core/limits.ts`. */
import { availableParallelism } from "node:os";

/** Bytes of an ordinary body. The longest legal one, all its texts full of four-byte characters, is below half of it. */
export const bodyBytesMax = 65_536;

/** Items of a batch: one commit, and one pause of everybody else, of a few milliseconds. */
export const batchItemsMax = 1_000;

/** Bytes of a batch: its items at the length that real clients send (some 250 bytes), four times over. */
export const batchBytesMax = 1_048_576;

/** Bytes of a call with tenant files: twice the longest one, for line breaks are two bytes in JSON. Of owners alone. */
export const tenantFilesBytesMax = 16_777_216;

/** Tenant files of one call, and secrets that come along with each. */
export const tenantFilesMax = 100;
export const tenantSecretsMax = 1_000;

/**
 * Entries of one call: 5,000 licences hold everybody else up for up to a second at a time, and 20,000 for two to three.
 * Whoever has more makes several calls, or gives the files to the next start.
 */
export const tenantEntriesMax = 5_000;

/** Changes of a vendor's catalogue that wait for each other on a server: a second's, at some milliseconds each. */
export const changesWaitingMax = 200;

/** Words, signs and line breaks of one call's YAML: of 5,000 licences with six fields each. Each costs some 3 µs. */
export const tenantPiecesMax = 250_000;

/** Seconds after which to try again where somebody else's files are being applied. */
export const tenantFilesRetrySeconds = 5;

/** Characters of a client id, user id or other name that is kept. Mail addresses end at 254. */
export const nameLengthMax = 256;

/** Characters of a description that is kept. */
export const descriptionLengthMax = 4_096;

/** Characters of an API key. SLASCONE's have 88; a longer one is not worth hashing. */
export const keyLengthMax = 512;

/** Characters of a nonce header worth decoding: 36 characters in Base64 make 48. */
export const nonceLengthMax = 64;

/** Characters of an Accept-Signature: all components with their parameters have some 200. */
export const acceptSignatureLengthMax = 512;

/** Characters of a device's proof that it gave a voucher up: a header with a key, an id and a signature. */
export const checkInLengthMax = 1_024;

/** Characters of a client token: four names of the longest that is kept, in Base64, and what stands around them. */
export const clientTokenLengthMax = 6_144;

/** How long a client token is good. A page asks its backend for the next one; a stolen one is soon worth nothing. */
export const clientTokenSecondsDefault = 600;
export const clientTokenSecondsMin = 60;
export const clientTokenSecondsMax = 3_600;

/** Tokens under verification at a time. Anybody may send one, and each costs a tenth of a millisecond of a thread. */
export const clientTokensCheckedMax = 256;

/** Verified tokens that are remembered: a page sends the same one with every extend. */
export const clientTokensKnownMax = 10_000;

/** Seconds for which a browser remembers that a page may ask. Beyond two hours browsers cut it themselves. */
export const preflightSeconds = 600;

/** Bytes of a request's header. Node's own bound, set here so that a new Node does not change it. */
export const headerBytesMax = 16_384;

/** Header lines of a request: clients send some ten, proxies add as many. */
export const headerLinesMax = 100;

/** A client that has not sent its headers by then is not a licence client but holds a connection open. */
export const headersTimeoutMs = 10_000;

/** The whole request, body included. */
export const requestTimeoutMs = 20_000;

/** How often Node looks for connections that are past the two above; its own half minute would triple them. */
export const connectionsCheckingIntervalMs = 1_000;

/** How long an idle connection is kept. Above the usual 60 s of proxies, so that the proxy, not we, closes it first. */
export const keepAliveTimeoutMs = 65_000;

/** How much longer than told it is kept, so that a request on its way at the last moment is served. Node's own. */
export const keepAliveBufferMs = 1_000;

/** How long requests in flight may take when the server stops: longer than any decision, shorter than an impatient supervisor. */
export const stopMs = 8_000;

/** The times of connections together, which tests shorten. */
export const patience = {
  headersTimeoutMs,
  requestTimeoutMs,
  connectionsCheckingIntervalMs,
  keepAliveTimeoutMs,
  keepAliveBufferMs,
  stopMs,
};
export type Patience = Readonly<Record<keyof typeof patience, number>>;

/** Bytes of a head that the fast lane reads: those of clients have some 400, and proxies add as many. Longer ones are for `node:http`. */
export const laneHeadBytesMax = 2_048;

/** Heads that a connection remembers: those of a client's open, close and heartbeat differ by address and length. */
export const laneHeadsMax = 4;

/** Heads of answers that are kept for their second: the lengths of a hot route's answers are few. */
export const headsKeptMax = 64;

/** Addresses whose numbers are remembered, some megabytes: to make one anew costs as much as half an answer. */
export const addressesKnownMax = 50_000;

/** A longer list of proxies is not remembered, or whoever writes one of his own could fill the memory. */
export const seenLengthMax = 256;

/** How long an answer may take to be read. Only answers beyond the socket's own buffer are timed. */
export const answerReadMs = 30_000;

/** How long whoever is refused on the bare socket has to read that. It fits any buffer. */
export const refusalReadMs = 2_000;

/** How long nothing of a download may move: longer than a database takes for the first row of a sorted table. */
export const downloadIdleMs = 120_000;

/** Answers up to here fit the kernel's buffer of a socket, so nobody can hold them up in ours. */
export const answerTimedBytes = 65_536;

/** At 512 connections at once Node's default of 511 showed as stalls of a second. */
export const listenBacklog = 4_096;

/**
 * RSA signatures made at once. They run on libuv's threads; one processor is left to the event loop, and one of the
 * four threads to whoever else needs one.
 */
export const signaturesAtOnce = Math.max(1, Math.min(3, availableParallelism() - 1));

/** Answers that may wait for their signature: at 1.2 ms each, a wait that clients (15 s and more) bear. Beyond it: 503. */
export const signedAnswersMax = 1_000;

/** Lines of a page of a listing. */
export const pageSizeMax = 1_000;
export const pageSizeDefault = 100;

/** Sessions or clients that are looked through at a time: some milliseconds, after which others have their turn. */
export const lookedAtOnceMax = 2_000;

/** Sessions or assignments that a listing of SLASCONE's, which knows no pages, answers with. */
export const listedMax = 10_000;

/** Pages are counted up to here, so that an offset stays a whole number. */
export const pageMax = 1_000_000_000;

/** Those who listen to events at once: each holds a connection, and a page that is written ahead of it. */
export const listenersMax = 400;
/** Of one vendor, and with one key: nobody takes the places of all others. */
export const listenersOfVendorMax = 100;
export const listenersOfKeyMax = 25;

/** How long a listener may take for a page. */
export const feedDrainMs = 10_000;

/** How often listeners are told what happened, and that the server is there where nothing did. */
export const feedIntervalMs = 1_000;
export const feedHeartbeatMs = 15_000;

/** Lines that are read at a time. */
export const feedPageSize = 500;

/** Seconds that the sandbox's clock may be advanced at once: ten years. */
export const sandboxAdvanceMax = 315_360_000;

/** How long a console that nobody uses stays signed in: a lunch. */
export const consoleIdleMs = 60 * 60_000;

/** How long it stays signed in at all: a working day. */
export const consoleSessionMs = 12 * 3_600_000;

/** Operating systems that a list of clients is asked for at once: each is compared with every client's. */
export const operatingSystemsAskedMax = 100;

/** Values that one heartbeat may tell: its answer, and what it stores, grow with them. */
export const valuesToldMax = 100;

/** What may be consumed or used at once, in units: a thousand of them fit into what a quota counts to. */
export const unitsToldMax = 1_000_000_000;

/** Seconds after which whoever waits in a queue is told to ask again, at the latest: half of what a short wait keeps a place for. */
export const askAgainSecondsMax = 8;

/** Licences of a customer that a look-up for a free one looks at: each is read from the store. */
export const licensesLookedAtMax = 100;
