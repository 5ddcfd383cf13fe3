/** From what the desk decided to what SLASCONE's client reads. */
import type { License } from "../../catalog/entities.ts";
import type { DenialCode } from "../../core/denials.ts";
import type { Outcome } from "../../core/step.ts";
import type { Granted, LicenseView } from "../../core/types.ts";
import { type Answer, json } from "../answer.ts";
import { listedMax } from "../limits.ts";
import { answerOfDenial, denialWithoutLicense, type Telling } from "../problem.ts";
import type { KeyedCall } from "../route.ts";
import { described, licenseInfo, licenseUserDto } from "./dto.ts";

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

/**
 * The licence as P1, P3 and P8 tell it, to a caller whose key reaches it. `view`: for administrators, who are told which
 * users are registered. Applications do not learn from it who else uses the licence.
 */
export function licenseInfoAnswer(
  call: KeyedCall,
  license: License,
  { assignment, quotas }: Partial<Pick<Granted, "assignment" | "quotas">>,
  now: number,
  view: LicenseView | undefined,
): Answer {
  const registered = call.key.role === "admin" && view !== undefined ? view.users() : [];
  const users = [];
  for (const user of registered) {
    if (users.length >= listedMax) break;
    users.push(licenseUserDto(license.id, user, call.names));
  }
  return json(licenseInfo(described(call.vendor, license), assignment ?? null, now, quotas, users));
}
