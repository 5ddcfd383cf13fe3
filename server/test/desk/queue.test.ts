/** What a transaction takes from the queue, and what it leaves for the next one. */
import { describe, expect, test } from "vitest";
import type { Command } from "../../src/core/types.ts";
import { type Job, Queue } from "../../src/desk/queue.ts";
import { Random } from "../differential/stream.ts";

const sweepOf = (licenseId: string): Command => ({ type: "sweep", isvId: "vendor", licenseId });

/** A queue whose jobs have names. A job's licences are written as "A B"; each takes one command, or as many as it says. */
class Named {
  readonly queue: Queue;
  readonly #names = new Map<Job["reply"], string>();

  constructor({ overlaps = true } = {}) {
    this.queue = new Queue(overlaps);
  }

  add(name: string, licenses: string, options: { readonly isApart?: boolean; readonly each?: number } = {}): Job {
    const { isApart = false, each = 1 } = options;
    const commands = licenses.split(" ").flatMap((license) => Array.from({ length: each }, () => sweepOf(license)));
    const job: Job = { commands, isApart, reply: () => {} };
    this.#names.set(job.reply, name);
    this.queue.add(job);
    return job;
  }

  take(commandsMax = 100): { readonly names: string[]; done(): void } {
    const jobs = this.queue.take(commandsMax);
    return {
      names: jobs.map(({ reply }) => this.#names.get(reply) as string),
      done: () => this.queue.done(jobs),
    };
  }
}

describe("where transactions overlap, the queue", () => {
  test("gives all that waits to one transaction, in its order, when nobody has a licence", () => {
    const named = new Named();
    named.add("first", "A");
    named.add("second", "B");
    named.add("third", "A B");
    expect(named.take().names).toEqual(["first", "second", "third"]);
    expect(named.take().names).toEqual([]);
  });

  test("never has one licence in two transactions", () => {
    const named = new Named();
    named.add("first", "A");
    const first = named.take();
    named.add("second", "A");
    named.add("other", "B");
    const other = named.take();
    expect(other.names).toEqual(["other"]);
    expect(named.take().names).toEqual([]);
    other.done();
    expect(named.take().names).toEqual([]);
    first.done();
    expect(named.take().names).toEqual(["second"]);
  });

  test("tells licences of one id apart by their vendor", () => {
    const { queue } = new Named();
    const jobOf = (isvId: string): Job => {
      return { commands: [{ type: "sweep", isvId, licenseId: "A" }], reply: () => {}, isApart: false };
    };
    queue.add(jobOf("one"));
    expect(queue.take(100)).toHaveLength(1);
    queue.add(jobOf("other"));
    expect(queue.take(100)).toHaveLength(1);
  });

  test("keeps the order of what waits for a licence", () => {
    const named = new Named();
    named.add("under way", "A");
    const first = named.take();
    for (const name of ["one", "two", "three"]) named.add(name, "A");
    first.done();
    named.add("four", "A");
    expect(named.take().names).toEqual(["one", "two", "three", "four"]);
  });

  test("lets nobody overtake a job of several licences on any of them while it waits for one", () => {
    const named = new Named();
    named.add("under way", "A");
    const first = named.take();
    named.add("both", "A B");
    named.add("late", "B");
    named.add("other", "C");
    expect(named.take().names).toEqual(["other"]);
    first.done();
    expect(named.take().names).toEqual(["both", "late"]);
  });

  test("lets nobody overtake whoever waits behind one that waits", () => {
    const named = new Named();
    named.add("under way", "A");
    const first = named.take();
    named.add("both", "A B");
    named.add("behind", "B C");
    named.add("late", "C");
    expect(named.take().names).toEqual([]);
    first.done();
    expect(named.take().names).toEqual(["both", "behind", "late"]);
  });

  test("gives a job of several licences its turn, however many keep coming for one of them", () => {
    const named = new Named();
    named.add("A 0", "A");
    named.add("B 0", "B");
    let [onA, onB] = [named.take(1), named.take(1)];
    named.add("both", "A B");
    for (let n = 1; n <= 3; n++) {
      named.add(`A ${n}`, "A");
      named.add(`B ${n}`, "B");
    }
    onA.done();
    // A is free and much waits for it: it stays free until B is, too.
    expect(named.take().names).toEqual([]);
    onB.done();
    onA = named.take(2);
    expect(onA.names).toEqual(["both"]);
    onA.done();
    [onA, onB] = [named.take(1), named.take(1)];
    expect([...onA.names, ...onB.names]).toEqual(["A 1", "B 1"]);
  });

  test("takes no more commands than it may, and goes on with what still fits and overtakes nobody", () => {
    const named = new Named();
    named.add("three", "A", { each: 3 });
    named.add("too many", "B", { each: 3 });
    named.add("behind it", "B");
    named.add("fits", "C");
    named.add("no more", "D");
    const first = named.take(4);
    expect(first.names).toEqual(["three", "fits"]);
    expect(named.take(4).names).toEqual(["too many", "behind it"]);
    expect(named.take(4).names).toEqual(["no more"]);
  });

  test("never splits a job: one of more commands than a transaction may have goes alone", () => {
    const named = new Named();
    named.add("large", "A B", { each: 5 });
    named.add("small", "C");
    expect(named.take(4).names).toEqual(["large"]);
    expect(named.take(4).names).toEqual(["small"]);
  });

  test("lets jobs that wait apart share a transaction with others of the same licence alone", () => {
    const named = new Named();
    named.add("one", "A", { isApart: true });
    named.add("elsewhere", "B", { isApart: true });
    named.add("two", "A", { isApart: true });
    named.add("not apart", "C");
    const first = named.take();
    expect(first.names).toEqual(["one", "two"]);
    expect(named.take().names).toEqual(["elsewhere"]);
    expect(named.take().names).toEqual(["not apart"]);
  });

  test("does not put a job apart together with one that is not, on the same licence either", () => {
    const named = new Named();
    named.add("apart", "A", { isApart: true });
    named.add("not apart", "A");
    named.add("apart, but later", "A", { isApart: true });
    const first = named.take();
    expect(first.names).toEqual(["apart"]);
    expect(named.take().names).toEqual([]);
    first.done();
    const second = named.take();
    expect(second.names).toEqual(["not apart"]);
    second.done();
    expect(named.take().names).toEqual(["apart, but later"]);
  });

  test("lets a job apart that has more licences than the first wait for its own turn", () => {
    const named = new Named();
    named.add("one", "A", { isApart: true });
    named.add("both", "A B", { isApart: true });
    named.add("late", "B", { isApart: true });
    const first = named.take();
    expect(first.names).toEqual(["one"]);
    expect(named.take().names).toEqual([]);
    first.done();
    expect(named.take().names).toEqual(["both", "late"]);
  });

  test("gives what was put back before everything that waits", () => {
    const named = new Named();
    const job = named.add("back", "A");
    const first = named.take();
    named.add("late", "A");
    first.done();
    named.queue.putBack(job);
    expect(named.take().names).toEqual(["back", "late"]);
  });

  test("counts the jobs and commands that wait, and not those that were taken", () => {
    const named = new Named();
    const counts = () => [named.queue.length, named.queue.commands];
    const job = named.add("two", "A B");
    named.add("three", "A", { each: 3 });
    expect(counts()).toEqual([2, 5]);
    const first = named.take(2);
    expect(counts()).toEqual([1, 3]);
    first.done();
    named.queue.putBack(job);
    expect(counts()).toEqual([2, 5]);
    named.take();
    expect(counts()).toEqual([0, 0]);
  });

  test("gives a job without commands to whoever comes next", () => {
    const { queue } = new Named();
    queue.add({ commands: [sweepOf("A")], reply: () => {}, isApart: false });
    expect(queue.take(100)).toHaveLength(1);
    queue.add({ commands: [], reply: () => {}, isApart: false });
    expect(queue.take(100)).toHaveLength(1);
    expect(queue.length).toBe(0);
  });
});

const seeds =
  process.env.SEED === undefined ? Array.from({ length: 100 }, (_, n) => n + 1) : [Number(process.env.SEED)];

test.each(seeds)(
  "at random, nobody is overtaken, nobody starves and no licence is in two transactions (seed %i)",
  (seed) => {
    const random = new Random(seed);
    const commandsMax = 1 + random.below(8);
    const queue = new Queue(true);
    const licenses = ["A", "B", "C", "D", "E"];
    const waiting: Job[] = [];
    const number = new Map<Job, number>();
    const underWay: (readonly Job[])[] = [];
    const lastOn = new Map<string, number>();
    const placesOf = ({ commands }: Job) => new Set(commands.map(({ licenseId }) => licenseId));

    const add = () => {
      const commands = Array.from({ length: random.below(4) }, () => sweepOf(random.pick(licenses)));
      const job: Job = { commands, reply: () => {}, isApart: random.chance(0.2) };
      number.set(job, number.size);
      waiting.push(job);
      queue.add(job);
    };
    const take = () => {
      const taken = new Set(underWay.flat().flatMap((job) => [...placesOf(job)]));
      const oldest = waiting[0];
      const jobs = queue.take(commandsMax);
      const own = new Set(jobs.flatMap((job) => [...placesOf(job)]));
      expect(
        [...own].filter((license) => taken.has(license)),
        "licences in two transactions",
      ).toEqual([]);
      if (jobs.length > 1) {
        expect(jobs.reduce((sum, { commands }) => sum + commands.length, 0)).toBeLessThanOrEqual(commandsMax);
      }
      const [first] = jobs;
      for (const job of jobs) {
        expect(job.isApart).toBe(first?.isApart);
        if (job.isApart) expect([...placesOf(job)].every((license) => placesOf(first as Job).has(license))).toBe(true);
        for (const license of placesOf(job)) {
          expect(lastOn.get(license) ?? -1, `overtaken on ${license}`).toBeLessThan(number.get(job) as number);
          lastOn.set(license, number.get(job) as number);
        }
        waiting.splice(waiting.indexOf(job), 1);
      }
      // Whoever waits longest goes as soon as its licences are free.
      const isFree = oldest !== undefined && [...placesOf(oldest)].every((license) => !taken.has(license));
      if (isFree) expect(first).toBe(oldest);
      if (jobs.length > 0) underWay.push(jobs);
    };
    const end = () => {
      const [jobs] = underWay.splice(random.below(underWay.length), 1);
      if (jobs !== undefined) queue.done(jobs);
    };

    for (let round = 0; round < 200; round++) random.pick([add, add, take, end])();
    while (waiting.length > 0) {
      take();
      end();
    }
    expect([queue.length, queue.commands]).toEqual([0, 0]);
  },
);

describe("where one transaction follows the other, the queue", () => {
  test("gives what came first, as many commands as one may have, whatever the licences", () => {
    const named = new Named({ overlaps: false });
    named.add("one", "A B");
    named.add("two", "A");
    named.add("too many", "C", { each: 3 });
    named.add("would fit", "D");
    expect(named.take(4).names).toEqual(["one", "two"]);
    expect(named.take(4).names).toEqual(["too many", "would fit"]);
    expect([named.queue.length, named.queue.commands]).toEqual([0, 0]);
  });

  test("never splits a job", () => {
    const named = new Named({ overlaps: false });
    named.add("large", "A", { each: 5 });
    named.add("small", "A");
    expect(named.take(4).names).toEqual(["large"]);
    expect(named.take(4).names).toEqual(["small"]);
  });
});
