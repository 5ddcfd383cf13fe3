/** A network that delays, loses and doubles messages, between programs on simulated machines and a real server. */
import type { Random } from "../../../server/test/differential/stream.ts";
import type { SimulatedServer } from "./server.ts";
import type { Machine, Timeline } from "./time.ts";

interface Message {
  readonly path: string;
  readonly init: RequestInit;
}

export class Network {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #server: SimulatedServer;
  readonly seen = { sent: 0, lost: 0, doubled: 0, late: 0, refused: 0 };

  constructor(timeline: Timeline, random: Random, server: SimulatedServer) {
    this.#timeline = timeline;
    this.#random = random;
    this.#server = server;
  }

  /** The `fetch` of a program on a machine. */
  fetchOn(machine: Machine): typeof globalThis.fetch {
    return (url, init = {}) => {
      const message = { path: new URL(String(url)).pathname, init: { ...init, signal: null } };
      this.seen.sent++;
      return new Promise((resolve, reject) => {
        const answered = (answer: Response | Error) => this.#deliver(machine, answer, resolve, reject);
        this.#timeline.after(this.#delayMs(), () => this.#arrive(message, answered));
        if (!this.#random.chance(0.05)) return;
        this.seen.doubled++;
        this.#timeline.after(this.#random.below(120_000), () => this.#arrive(message, () => {}));
      });
    };
  }

  async #arrive({ path, init }: Message, answered: (answer: Response | Error) => void): Promise<void> {
    if (this.#random.chance(0.07)) return void this.seen.lost++;
    const { url } = this.#server;
    if (url === null) {
      this.seen.refused++;
      return answered(new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } }));
    }
    const response = await fetch(url + path, init);
    const body = await response.arrayBuffer();
    const { status, headers } = response;
    answered(new Response(body, { status, headers }));
  }

  #deliver(
    machine: Machine,
    answer: Response | Error,
    resolve: (response: Response) => void,
    reject: (error: Error) => void,
  ): void {
    if (this.#random.chance(0.07)) return void this.seen.lost++;
    // Handed to a program on the machine: not while that sleeps.
    this.#timeline.after(this.#delayMs(), () => {
      machine.after(0, () => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  }

  #delayMs(): number {
    if (this.#random.chance(0.9)) return this.#random.below(300);
    this.seen.late++;
    return this.#random.below(45_000);
  }
}
