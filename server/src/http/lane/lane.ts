/**
 * The fast lane: it reads the connections of the server before `node:http` does, and serves hot requests of the
 * plainest form itself, at a third of the cost. Every connection on which anything else arrives becomes `node:http`'s.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { HotAddresses } from "../hot.ts";
import type { Patience } from "../limits.ts";
import type { Services } from "../route.ts";
import { Connection } from "./connection.ts";
import { ResponseLines } from "./response.ts";

export class Lane {
  readonly services: Services;
  readonly addresses: HotAddresses;
  readonly patience: Patience;
  readonly responses: ResponseLines;
  /** Takes a connection over, with what it has not read. */
  readonly toNodeHttp: (socket: Socket) => void;
  readonly #connections = new Set<Connection>();
  #isDraining = false;
  #isClosing = false;

  /** Puts a lane before a server that has no connections yet. */
  constructor(server: Server, services: Services, addresses: HotAddresses, patience: Patience) {
    this.services = services;
    this.addresses = addresses;
    this.patience = patience;
    const keptSeconds = Math.floor(patience.keepAliveTimeoutMs / 1000);
    this.responses = new ResponseLines(`Connection: keep-alive\r\nKeep-Alive: timeout=${keptSeconds}\r\n\r\n`);
    const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
    this.toNodeHttp = (socket) => {
      for (const listener of listeners) listener.call(server, socket);
    };
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => this.#connections.add(new Connection(this, socket)));
    // One timer for all: a timer for each connection would have to be set anew with each of its requests.
    const checking = setInterval(() => this.#check(), patience.connectionsCheckingIntervalMs).unref();
    server.on("close", () => clearInterval(checking));
  }

  /** From now on every request is `node:http`'s, which says that its connection ends. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  drain(): void {
    this.#isDraining = true;
  }

  /** From now on connections end as soon as they are idle. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  now(): number {
    return performance.now();
  }

  /** The connection has ended, or is `node:http`'s. */
  leave(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** Ends what is idle, and the others when they are answered. Like `node:http`, waits for those that sent nothing yet. */
  close(): void {
    this.#isClosing = true;
    for (const connection of this.#connections) connection.closeIdle();
  }

  closeAll(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  #check(): void {
    const now = this.now();
    for (const connection of this.#connections) connection.check(now);
  }
}
