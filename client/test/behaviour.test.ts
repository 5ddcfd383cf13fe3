/** What both clients do alike: docs/reference/client-behaviour.json, which python/tests/test_behaviour.py runs too. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  type LicenseDenied,
  launcher,
  type ProjectError,
  ServerUnreachable,
  type Session,
  type SessionLost,
} from "../src/index.ts";
import { type Answer, closed, denied, fault, granted, HeldClock, isv, late, license, Script } from "./world.ts";

interface AnswerText {
  readonly granted?: number;
  readonly renewal?: string;
  readonly closed?: true;
  readonly denied?: number;
  readonly fault?: "refused" | "lost";
  readonly status?: number;
  readonly body?: object | string;
  readonly text?: string;
  readonly retry_after?: number;
  readonly location?: string;
  readonly takes?: number;
  readonly times?: number;
}

interface Step {
  readonly do: string;
  readonly throws?: Readonly<Record<string, unknown>>;
  readonly [option: string]: unknown;
}

interface Case {
  readonly rule: string;
  readonly chance?: number;
  readonly server: readonly AnswerText[];
  readonly steps: readonly Step[];
  readonly sent: readonly (readonly [call: string, at: number, session?: number])[];
  readonly body?: object;
  readonly renewals?: readonly (string | null)[];
  readonly waits?: readonly (number | null)[];
}

interface Redirect {
  readonly server: string;
  readonly to: string | null;
  readonly location: string | null;
  readonly set: string | null;
}

const file = JSON.parse(readFileSync(new URL("../../docs/reference/client-behaviour.json", import.meta.url), "utf8"));
const { calls, cases, refusals, redirects } = file as {
  readonly calls: Readonly<Record<string, string>>;
  readonly cases: readonly Case[];
  readonly refusals: Readonly<Record<string, string>>;
  readonly redirects: readonly Redirect[];
};

const project = { id: isv, license_id: license, name: "P", state: "closed", kind: null, saved: false };
const bodies: Readonly<Record<string, object>> = {
  project,
  "finished project": { ...project, executions: [{ id: isv, name: "x", state: "finished" }] },
};

function answers(text: AnswerText, clock: HeldClock): Answer[] {
  const { takes, times = 1 } = text;
  const answer = answerOf(text);
  return Array.from({ length: times }, () => (takes === undefined ? answer : late(clock, takes, answer)));
}

function answerOf({ status = 200, body, text, retry_after, location, ...line }: AnswerText): Answer {
  if (line.granted !== undefined) return granted(line.granted, line.renewal);
  if (line.closed) return closed;
  const headers: Record<string, string> = retry_after === undefined ? {} : { "Retry-After": String(retry_after) };
  if (location !== undefined) headers.Location = location;
  if (line.denied !== undefined) return denied(line.denied, line, headers);
  if (line.fault !== undefined) return fault(line.fault);
  const value = typeof body === "string" ? bodies[body] : body;
  const content = status === 304 ? null : (text ?? JSON.stringify(value ?? {}));
  return () => new Response(content, { status, headers });
}

class Player {
  readonly #script: Script;
  #session: Session | undefined;

  constructor(script: Script) {
    this.#script = script;
  }

  async play(step: Step): Promise<void> {
    if (step.do === "pass") return this.#script.clock.pass(step.seconds as number);
    if (step.do === "stall") return this.#script.clock.stall(step.seconds as number);
    const done = this.#script.clock.until(this.#do(step));
    if (step.throws === undefined) await done;
    else expect(await done.then(() => "nothing was thrown", factsOf)).toMatchObject(step.throws);
  }

  get #held(): Session {
    if (this.#session === undefined) throw new Error("no session was opened");
    return this.#session;
  }

  async #do(step: Step): Promise<void> {
    if (step.do === "open") await this.#open(step);
    else if (step.do === "require") this.#held.require();
    else if (step.do === "close") expect(await this.#held.close()).toBe(step.known);
    else if (step.do === "detach") this.#held.detach();
    else if (step.do === "trusted") expect(this.#held.trustedSeconds).toBeCloseTo(step.seconds as number);
    else if (step.do === "lost") expect((this.#held.lost.reason as SessionLost).reason).toBe(step.reason);
    else if (step.do === "sent") expect(this.#script.sent).toHaveLength(step.count as number);
    else await this.#launch(step);
  }

  async #open(step: Step): Promise<void> {
    const { do: _, throws, device, checkout_minutes, ...more } = step;
    const options = {
      ...(device !== undefined && { client: device as string }),
      ...(checkout_minutes !== undefined && { checkoutMinutes: checkout_minutes as number }),
    };
    this.#session = await this.#script.client().open({ license, ...more, ...options });
  }

  async #launch(step: Step): Promise<void> {
    const projects = launcher({ ...this.#script.options(), license, user: "anna" });
    if (step.do === "create_project") await projects.createProject("P");
    else if (step.do === "delete_project") await projects.deleteProject(isv);
    else if (step.do === "licenses") await projects.licenses();
    else if (step.do === "finish") {
      const progress = await projects.execution(isv, isv, "secret").finish();
      expect(progress.state).toBe(step.state);
    } else if (step.do === "fail") await projects.execution(isv, isv, "secret").fail();
    else if (step.do === "wait_execution") {
      const progress = await projects.waitExecution(isv, { pollSeconds: step.poll_seconds as number });
      expect(progress.state).toBe(step.state);
    } else throw new Error(`there is no step ${step.do}`);
  }
}

/** An error as the file writes it. */
function factsOf(error: Error): object {
  const { nextFreeAt, queuePosition, holders, executionProgress } = error as Partial<LicenseDenied>;
  const { name, id, code, total, left, kind } = error as LicenseDenied & ProjectError;
  const { status, reason, retryAfterSeconds, location } = error as Error & Readonly<Record<string, unknown>>;
  return {
    ...{ name, id, code, total, left, kind, status, reason, location, retry_after_seconds: retryAfterSeconds },
    next_free_at: nextFreeAt?.toISOString(),
    queue_position: queuePosition,
    holders: holders?.map(({ user }) => user),
    units_done: executionProgress?.unitsDone,
  };
}

test.each(cases)("$rule", async ({ chance, server, steps, sent, body, renewals, waits }) => {
  const clock = new HeldClock(chance);
  const script = new Script(clock, ...server.flatMap((text) => answers(text, clock)));
  const player = new Player(script);
  for (const step of steps) await player.play(step);

  const ids: readonly unknown[] = [...new Set(script.sent.flatMap(({ body }) => body.session_id ?? []))];
  const seen = script.sent.map(({ call, at, body }) => ({ call, at, session: ids.indexOf(body.session_id) + 1 }));
  expect(seen).toEqual(
    sent.map(([call, at, session = 0]) => ({ call: calls[call], at: expect.closeTo(at, 6), session })),
  );
  expect(script.left).toBe(0);
  expect(clock.timers).toBe(0);
  if (body !== undefined) expect(script.sent[0]?.body).toMatchObject(body);
  if (renewals !== undefined) expect(script.sent.map((each) => each.body.renewal ?? null)).toEqual(renewals);
  if (waits !== undefined) expect(script.sent.map((each) => each.body.wait_seconds ?? null)).toEqual(waits);
});

test.each(Object.entries(refusals))("denial %s is a %s", async (id, name) => {
  const clock = new HeldClock();
  const script = new Script(clock, denied(Number(id), { code: "some_code" }));
  const opening = clock.until(script.client().open({ license, user: "anna" }));
  await expect(opening).rejects.toMatchObject({ name, id: Number(id), code: "some_code", message: `Denied: ${id}.` });
});

test.each(redirects)("of $server a redirect to $to is told", async ({ server, to, location, set }) => {
  const call = `/api/v2/isv/${isv}/licenses/${license}/tokens`;
  const headers = to === null ? {} : { Location: to.replace("{call}", call) };
  const script = new Script(new HeldClock(), () => new Response("<html>", { status: 301, headers }));
  const error = await script
    .client({ url: server })
    .tokens(license)
    .catch((caught) => caught);
  expect(error).toBeInstanceOf(ServerUnreachable);
  expect(error).toMatchObject({ name: "Redirected", location: location?.replace("{call}", call) ?? null });
  expect(error.message).toContain(`redirects to ${error.location ?? "a place that is not shown"}.`);
  expect(error.message.split("set its address to ")[1] ?? null).toBe(set);
  expect(error.message).not.toContain("secret");
});
