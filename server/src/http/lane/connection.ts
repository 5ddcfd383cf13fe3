/**
 * One connection of the fast lane: it waits for a request, gathers its body, has it decided, answers it. One request at
 * a time; a connection on which anything else happens is given to `node:http` for the rest of its life.
 */
import type { Socket } from "node:net";
import type { Answer, AnswerWriter } from "../answer.ts";
import { onClientError } from "../client-error.ts";
import { runHot } from "../hot.ts";
import { laneHeadsMax } from "../limits.ts";
import { fail } from "../route.ts";
import type { Lane } from "./lane.ts";
import { type PlainHead, readPlainHead } from "./plain.ts";

/**
 * `fresh`: nothing came yet. `gathering`: a head is there, and not yet all of its body. `deciding`: a request is with
 * its handler. `idle`: the last request was answered. `over`: refused, and soon cut.
 */
type Phase = "fresh" | "gathering" | "deciding" | "idle" | "over";

export class Connection implements AnswerWriter {
  readonly #lane: Lane;
  readonly #socket: Socket;
  #phase: Phase = "fresh";
  /** When the patience with the present phase ends. */
  #until: number;
  /** The last heads, the latest first: clients send the same few again and again. */
  readonly #heads: PlainHead[] = [];
  /** The request that is gathered, as long as it will be, and how much of it is there. */
  #request = noBytes;
  #gathered = 0;
  /** More came while a request was decided: it waits in the socket, which is paused. */
  #isPipelined = false;

  constructor(lane: Lane, socket: Socket) {
    this.#lane = lane;
    this.#socket = socket;
    this.#until = lane.now() + lane.patience.headersTimeoutMs;
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#phase === "deciding") this.#putOff(chunk);
    else if (this.#phase === "gathering") this.#gather(chunk);
    else if (this.#phase !== "over") this.#begin(chunk);
  };

  /** As `node:http`: whoever ends his side in the middle of a request is told so, and otherwise nothing more is said. */
  readonly #onEnd = (): void => {
    if (this.#phase === "gathering") this.#refuse("HPE_INVALID_EOF_STATE");
    else this.#socket.end();
  };

  readonly #onError = (): void => {
    this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#lane.leave(this);
  };

  #begin(chunk: Buffer): void {
    // An answer that its client has not read: `node:http` knows how to wait for that. And how to say goodbye.
    const isOurs = this.#socket.writableLength === 0 && !this.#lane.isDraining;
    const head = isOurs ? this.#headOf(chunk) : null;
    if (head === null || chunk.length > head.requestBytes) this.#handOver(chunk);
    else if (chunk.length === head.requestBytes) this.#serve(head, chunk);
    else if (head.isOfCaller(this.#lane.services.store.catalog)) this.#await(head, chunk);
    else this.#handOver(chunk);
  }

  #headOf(chunk: Buffer): PlainHead | null {
    const heads = this.#heads;
    for (const head of heads) if (head.begins(chunk)) return head;
    const head = readPlainHead(chunk, this.#lane.addresses);
    if (head === null) return null;
    if (heads.length === laneHeadsMax) heads.pop();
    heads.unshift(head);
    return head;
  }

  /** Many clients write head and body apart. Whoever has no key is refused without its body, and holds no memory. */
  #await(head: PlainHead, chunk: Buffer): void {
    this.#request = Buffer.allocUnsafe(head.requestBytes);
    this.#gathered = chunk.copy(this.#request);
    this.#phase = "gathering";
    this.#until = this.#lane.now() + this.#lane.patience.requestTimeoutMs;
  }

  #gather(chunk: Buffer): void {
    const request = this.#request;
    if (chunk.length > request.length - this.#gathered) {
      this.#request = noBytes;
      this.#handOver(Buffer.concat([request.subarray(0, this.#gathered), chunk]));
      return;
    }
    this.#gathered += chunk.copy(request, this.#gathered);
    if (this.#gathered < request.length) return;
    this.#request = noBytes;
    // It is among those known: that is how the gathering began.
    this.#serve(this.#headOf(request) as PlainHead, request);
  }

  #serve(head: PlainHead, request: Buffer): void {
    this.#phase = "deciding";
    this.#until = Number.POSITIVE_INFINITY;
    const { services } = this.#lane;
    try {
      const caller = head.callerIn(services.store.catalog);
      const address = head.addressIn(services.whereabouts, caller, this.#socket);
      runHot(services, head.hot, caller, head.head, request.subarray(head.bytes.length), address, this);
    } catch (error) {
      fail(services, error, this);
    }
  }

  write(answer: Answer, signed?: readonly string[]): void {
    const socket = this.#socket;
    if (this.#phase !== "deciding" || !socket.writable) return;
    const lane = this.#lane;
    lane.responses.write(socket, answer, signed);
    this.#phase = "idle";
    this.#until = lane.now() + lane.patience.keepAliveTimeoutMs + lane.patience.keepAliveBufferMs;
    if (this.#isPipelined) this.#handOver(null);
    else if (lane.isClosing) socket.destroySoon();
  }

  /** Ends a connection that nobody needs any more; one that is used ends itself when its request is answered. */
  closeIdle(): void {
    if (this.#phase === "idle") this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Ends what has lasted too long. */
  check(now: number): void {
    if (now < this.#until) return;
    if (this.#phase === "fresh" || this.#phase === "gathering") this.#refuse("ERR_HTTP_REQUEST_TIMEOUT");
    else this.#socket.destroy();
  }

  /** Refuses as `node:http` would, which names what is wrong by such a code. */
  #refuse(code: string): void {
    this.#phase = "over";
    this.#request = noBytes;
    this.#until = this.#lane.now();
    onClientError(Object.assign(new Error("refused"), { code }), this.#socket);
  }

  #putOff(chunk: Buffer): void {
    this.#isPipelined = true;
    this.#socket.pause();
    this.#socket.unshift(chunk);
  }

  /** To `node:http`, with what it has not read yet. */
  #handOver(unread: Buffer | null): void {
    const socket = this.#socket;
    socket.removeListener("data", this.#onData);
    socket.removeListener("end", this.#onEnd);
    socket.removeListener("error", this.#onError);
    socket.removeListener("close", this.#onClose);
    this.#lane.leave(this);
    // Paused, so that what is put back flows only when its new reader listens.
    socket.pause();
    if (unread !== null) socket.unshift(unread);
    this.#lane.toNodeHttp(socket);
    socket.resume();
  }
}

const noBytes = Buffer.alloc(0);
