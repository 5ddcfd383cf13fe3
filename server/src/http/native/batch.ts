/** Many opens and closes in one call and one commit: for a backend whose one server speaks for thousands of users. */
import { type Static, Type } from "typebox";
import type { Outcome } from "../../core/step.ts";
import type { Command } from "../../core/types.ts";
import { requireLicense } from "../access.ts";
import { type Answer, jsonText } from "../answer.ts";
import { checkOf } from "../input.ts";
import { batchBytesMax, batchItemsMax } from "../limits.ts";
import { answerOfError, type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { answerOf } from "../slascone/answers.ts";
import { SessionRequest } from "../slascone/schemas.ts";
import { closeCommand, closed, openCommand, opened } from "../slascone/sessions.ts";

const Item = Type.Intersect([Type.Object({ op: Type.Enum(["open", "close"]) }), SessionRequest]);

const Batch = Type.Object(
  { items: Type.Array(Item, { maxItems: batchItemsMax }) },
  {
    additionalProperties: false,
    examples: [
      {
        items: [
          { op: "open", license_id: "27180460-29df-4a5a-a0a1-78c85ab6cee0", client_id: "anna@factor.com" },
          { op: "close", license_id: "27180460-29df-4a5a-a0a1-78c85ab6cee0", client_id: "ben@factor.com" },
        ],
      },
    ],
  },
);

/** What is checked of the whole; each item is checked by itself, so that one bad item spoils no other. */
const Envelope = Type.Object(
  { items: Type.Array(Type.Unknown(), { maxItems: batchItemsMax }) },
  { additionalProperties: false },
);

const Results = Type.Object({
  results: Type.Array(
    Type.Object({ status: Type.Integer(), body: Type.Unknown({ description: "As the single call would answer." }) }),
  ),
});

const checkOp = checkOf(Type.Object({ op: Type.Enum(["open", "close"]) }), "item");
const checkRequest = checkOf(SessionRequest, "item");

/** An item on its way: decided already (it is not in order), or the place of its command among those submitted. */
type Pending = Answer | number;

export function batchRoutes(services: Services): Route[] {
  return [
    keyed({
      method: "POST",
      path: "/provisioning/session/batch",
      isHot: true,
      reach: "backend",
      tag: "Sessions",
      summary: "Open and close many sessions",
      description:
        "Up to 1,000 opens and closes, decided in their order and kept in one commit. Each result is what the single call would have answered; a denied or faulty item leaves the others as they are. There are no vouchers here, no proof that one was given up, and nothing is renewed.",
      body: Batch,
      bodyChecked: Envelope,
      bodyBytesMax: batchBytesMax,
      answers: { 200: Results },
      handle(call, finish) {
        const { commands, pending } = readItems(services, call, call.body.items);
        if (commands.length === 0) return finish(resultsOf(services, call, pending, commands, []));
        services.desk.submit(commands, (outcomes) => finish(resultsOf(services, call, pending, commands, outcomes)));
      },
    }),
  ];
}

function readItems(services: Services, call: KeyedCall, items: readonly unknown[]) {
  const commands: Command[] = [];
  const pending = items.map((item): Pending => {
    try {
      const command = commandOf(call, item);
      return commands.push(command) - 1;
    } catch (error) {
      return answerOfError(services, error);
    }
  });
  return { commands, pending };
}

/** @throws Problem as the single call would meet it. */
function commandOf(call: KeyedCall, item: unknown): Command {
  const { op } = checkOp(item);
  const request: Static<typeof SessionRequest> = checkRequest(item);
  const command = op === "open" ? openCommand(call.isvId, request) : closeCommand(call.isvId, request);
  requireLicense(call, command.licenseId);
  return command;
}

function resultsOf(
  services: Services,
  call: KeyedCall,
  pending: readonly Pending[],
  commands: readonly Command[],
  outcomes: readonly (Outcome | Error)[],
): Answer {
  let text = '{"results":[';
  for (const [n, item] of pending.entries()) {
    const { status, body } = typeof item === "number" ? decided(services, call, commands[item], outcomes[item]) : item;
    text += `${n === 0 ? "" : ","}{"status":${status},"body":${body}}`;
  }
  return jsonText(`${text}]}`);
}

function decided(
  services: Services,
  call: KeyedCall,
  command: Command | undefined,
  outcome: Outcome | Error | undefined,
): Answer {
  const result = answerOf(outcome, call, command?.type === "open" ? opened : closed);
  return result instanceof Error ? answerOfError(services, result) : result;
}
