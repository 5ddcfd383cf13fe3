/** One kept connection that asks and waits, as close to the socket as can be: the client must not be what is measured. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const headEnd = Buffer.from("\r\n\r\n");
const chunksEnd = Buffer.from("0\r\n\r\n");

export class Connection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #waiting: { readonly resolve: (status: number) => void; readonly reject: (error: Error) => void } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => this.#take(bytes));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
  }

  static async to(address: string): Promise<Connection> {
    const { hostname, port } = new URL(address);
    const socket = connect(Number(port || 80), hostname);
    await once(socket, "connect");
    return new Connection(socket);
  }

  /** Sends a request and answers with the status, once the whole answer is here. */
  ask(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#waiting = null;
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const status = statusOf(this.#received);
    if (status === null) return;
    this.#received = Buffer.alloc(0);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(status);
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = null;
  }
}

/** The status of an answer, the only one under way; null: it is not whole yet. */
function statusOf(received: Buffer): number | null {
  const end = received.indexOf(headEnd);
  if (end < 0) return null;
  const head = received.toString("latin1", 0, end);
  const status = Number(head.slice(9, 12));
  if (status === 204 || status === 304) return status;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const isWhole =
    length === undefined
      ? received.subarray(-chunksEnd.length).equals(chunksEnd)
      : received.length >= end + headEnd.length + Number(length);
  return isWhole ? status : null;
}
