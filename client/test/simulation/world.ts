/**
 * Programs that use the real client want the tokens of one licence of the real server, while messages are lost, doubled
 * and late, machines sleep and die, clocks are set and the server crashes. At no step do more programs trust a token than
 * there are, but for what an administrator took away from one that has not heard of it.
 */

import { Random } from "../../../server/test/differential/stream.ts";
import { licenseSetting } from "../../../server/test/model/vendor.ts";
import { connect, NoTokenLeft, ServerUnreachable, type Session, TooManySessions } from "../../src/index.ts";
import { Network } from "./network.ts";
import { apiKey, SimulatedServer } from "./server.ts";
import { Machine, ServerClock, Timeline } from "./time.ts";

const second = 1_000;
const minute = 60 * second;
const sessionMinutes = 5;
const programs = 4;
/** Often enough that the server never seems to have been away: simulated time is real work. */
const upkeepMs = 20 * second;
/** So much of what happened is told of a world that fails. */
const storyLines = 60;

interface Program {
  readonly user: string;
  machine: Machine;
  session: Session | null;
}

export class SimulatedWorld {
  readonly #random: Random;
  readonly #timeline = new Timeline();
  readonly #clock = new ServerClock(this.#timeline);
  readonly #server: SimulatedServer;
  readonly #network: Network;
  readonly #programs: Program[];
  readonly #tokens: number;
  /** The server's clock was set, and the server has not seen it yet. */
  #isSet = false;
  readonly #story: string[] = [];
  readonly #opened: Session[] = [];
  readonly seen = { granted: 0, denied: 0, lost: 0, unreachable: 0, deaths: 0, sleeps: 0, clientClocks: 0, crashes: 0 };
  readonly seenOfServer = { setForward: 0, setBack: 0 };

  constructor(seed: number, path: string) {
    this.#random = new Random(seed);
    this.#tokens = 1 + this.#random.below(2);
    this.#server = new SimulatedServer(path, this.#clock);
    this.#network = new Network(this.#timeline, this.#random, this.#server);
    this.#programs = Array.from({ length: programs }, (_, n) => ({
      user: `user ${n}`,
      machine: this.#freshMachine(),
      session: null,
    }));
  }

  get messages() {
    return this.#network.seen;
  }

  /** Lets so much time pass, and looks after each step how many programs trust a token. */
  async play(minutes: number): Promise<void> {
    await this.#server.start(
      licenseSetting({ tokens: this.#tokens, periodMinutes: sessionMinutes, sessionsPerHolder: 2 }),
    );
    for (const program of this.#programs) this.#live(program);
    this.#every(upkeepMs, () => this.#upkeep());
    this.#byChance(7 * minute, () => this.#crash());
    this.#byChance(9 * minute, () => this.#setServerClock());
    for (const program of this.#programs) {
      this.#byChance(12 * minute, () => this.#sleep(program));
      this.#byChance(12 * minute, () => this.#setClock(program));
      this.#byChance(15 * minute, () => this.#die(program));
    }
    while (this.#timeline.now < minutes * minute) {
      await this.#timeline.next();
      this.#check();
    }
    for (const { machine } of this.#programs) machine.die();
    // What the dead hold is nobody's to close: the tests that this process runs next would wait for clocks that stand.
    for (const session of this.#opened) session.detach();
    if (this.#server.url !== null) await this.#server.crash();
  }

  #check(): void {
    const awake = this.#programs.filter(({ machine }) => !machine.isAsleep);
    const trusting = awake.filter(({ session }) => session?.isHeld === true);
    if (trusting.length <= this.#tokens) return;
    const who = trusting.map(({ user, session }) => `${user} until ${session?.validUntil.toISOString()}`).join(", ");
    const story = this.#story.slice(-storyLines).join("\n");
    throw new Error(`${trusting.length} trust ${this.#tokens} token(s): ${who}. What led to it:\n${story}`);
  }

  #note(what: string): void {
    this.#story.push(`${(this.#timeline.now / 1_000).toFixed(1)} s: ${what}`);
  }

  // What programs do

  #live(program: Program): void {
    const { machine } = program;
    machine.after(this.#random.below(2 * minute), () => void this.#use(program, machine));
  }

  /** Takes a token, holds it for a while and gives it back; and again. */
  async #use(program: Program, machine: Machine): Promise<void> {
    const { user } = program;
    const fetch = this.#network.fetchOn(machine);
    const { isvId: isv, licenseId: license } = licenseSetting();
    const client = connect({ url: "http://seatkeeper.test", isv, apiKey, client: user, fetch, clock: machine });
    const checkout = this.#random.chance(0.1) ? { checkoutMinutes: 2 + this.#random.below(10) } : {};
    const waiting = this.#random.chance(0.5) ? { wait: this.#random.below(300) } : {};
    try {
      program.session = await client.open({ license, user, ...checkout, ...waiting });
      this.#opened.push(program.session);
      this.seen.granted++;
      this.#note(
        `${user} has a token until ${program.session.validUntil.toISOString()}${"checkoutMinutes" in checkout ? ", checked out" : ""}`,
      );
    } catch (error) {
      if (error instanceof NoTokenLeft || error instanceof TooManySessions) this.seen.denied++;
      else if (error instanceof ServerUnreachable) this.seen.unreachable++;
      else throw error;
      return this.#live(program);
    }
    const { session } = program;
    const end = machine.after(this.#random.below(15 * minute), () => void this.#leave(program, machine, session));
    session.lost.addEventListener("abort", () => {
      this.seen.lost++;
      this.#note(`${user} has lost its token: ${(session.lost.reason as Error).message}`);
      end();
      program.session = null;
      this.#live(program);
    });
  }

  async #leave(program: Program, machine: Machine, session: Session): Promise<void> {
    if (session.lost.aborted) return;
    this.#note(`${program.user} closes`);
    await session.close();
    if (machine.isDead) return;
    program.session = null;
    this.#live(program);
  }

  // What happens to machines

  #sleep({ machine, user }: Program): void {
    if (machine.isAsleep) return;
    this.#note(`${user} sleeps`);
    this.seen.sleeps++;
    machine.sleep();
    this.#timeline.after(this.#random.below(12 * minute), () => {
      this.#note(`${user} wakes`);
      machine.wake();
    });
  }

  #setClock({ machine, user }: Program): void {
    if (machine.isAsleep) return;
    this.seen.clientClocks++;
    const by = this.#random.below(60 * minute) - 30 * minute;
    this.#note(`${user} sets the clock by ${by} ms`);
    machine.setClock(by);
  }

  /** The power is cut, and somebody starts it again. */
  #die(program: Program): void {
    this.#note(`${program.user} dies`);
    this.seen.deaths++;
    program.machine.die();
    program.session = null;
    program.machine = this.#freshMachine();
    this.#live(program);
  }

  #freshMachine(): Machine {
    const rate = 1 + (this.#random.next() - 0.5) / 100;
    return new Machine(this.#timeline, rate, () => this.#random.next());
  }

  // What happens to the server

  async #upkeep(): Promise<void> {
    await this.#server.upkeep();
    if (this.#server.url !== null) this.#isSet = false;
  }

  async #crash(): Promise<void> {
    if (this.#server.url === null) return;
    this.seen.crashes++;
    this.#note("the server crashes");
    await this.#server.crash();
    this.#timeline.after(this.#random.below(4 * minute), () => {
      this.#note("the server starts");
      return this.#server.start();
    });
  }

  /**
   * Back by any time; forward by more than a minute, which is taken for an outage, and at most once an outage by less than
   * a session period, the most that is made good. What lies outside of that the threat model leaves to whoever holds the machine.
   */
  #setServerClock(): void {
    if (this.#isSet) return;
    this.#isSet = true;
    if (this.#random.chance(0.5)) {
      this.seenOfServer.setBack++;
      const by = this.#random.below(120 * minute);
      this.#note(`the server's clock is set back by ${by} ms`);
      this.#clock.setByMs -= by;
    } else {
      this.seenOfServer.setForward++;
      const by = minute + 5 * second + this.#random.below((sessionMinutes - 2) * minute);
      this.#note(`the server's clock is set forward by ${by} ms`);
      this.#clock.setByMs += by;
    }
  }

  #every(ms: number, call: () => Promise<void>): void {
    this.#timeline.after(ms, async () => {
      await call();
      this.#every(ms, call);
    });
  }

  /** Again and again, by chance; `ms` apart on average. */
  #byChance(ms: number, call: () => unknown): void {
    this.#timeline.after(this.#random.below(2 * ms), async () => {
      await call();
      this.#byChance(ms, call);
    });
  }
}
