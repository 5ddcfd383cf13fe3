/** From what the desk decided to what SLASCONE's client reads. */
import type { License } from "../../catalog/entities.ts";
import type { DenialCode } from "../../core/denials.ts";
import type { Outcome } from "../../core/step.ts";
import type { Granted } from "../../core/types.ts";
import { type Answer, json } from "../answer.ts";
import { answerOfDenial, denialWithoutLicense, type Telling } from "../problem.ts";
import type { KeyedCall } from "../route.ts";
import { described, licenseInfo } from "./dto.ts";

/** The answer to a command: `granted` writes the good one. Errors go through to `finish`. */
export function answerOf(
  outcome: Outcome | Error | undefined,
  telling: Telling,
  granted: (granted: Granted) => Answer,
): Answer | Error {
  if (outcome instanceof Error) return outcome;
  if (outcome?.denial != null) return answerOfDenial(outcome.denial, telling);
  if (outcome?.granted == null) return new Error("the desk answered without an outcome");
  try {
    return granted(outcome.granted);
  } catch (error) {
    // Thrown on, it would reach the desk, and this caller would never be answered.
    return error as Error;
  }
}

/** The denial of a request that names something that is not there, so that no licence can decide on it. */
export function denied(code: DenialCode, telling: Telling): Answer {
  return answerOfDenial(denialWithoutLicense(code), telling);
}

/** The licence as P1, P3 and P8 tell it, to a caller whose key reaches it. */
export function licenseInfoAnswer(
  call: KeyedCall,
  license: License,
  assignment: Granted["assignment"],
  now: number,
  quotas: Granted["quotas"] = [],
): Answer {
  return json(licenseInfo(described(call.vendor, license), assignment, now, quotas));
}
