/** Lengths of time and instants as people write them: `90s`, `10m`, `1h30m`, `7d`. */
import { exitCodes } from "../exit-codes.ts";
import { CommandRefused } from "../refused.ts";

const pattern = /^(?=\d)(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s?)?$/;

/** Beyond it nobody means what was written. */
const secondsMax = 366 * 86_400;

/** Seconds. @throws CommandRefused that names the option. */
export function secondsOf(text: string, option: string): number {
  const [, days = 0, hours = 0, minutes = 0, seconds = 0] = pattern.exec(text) ?? [text, -1];
  const found = Number(days) * 86_400 + Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
  if (found >= 0 && found <= secondsMax) return found;
  throw new CommandRefused(exitCodes.usage, `${option} ${text}: want a length of time such as 90s, 10m, 1h30m or 7d.`);
}

/** An instant as the API has it: as written, or so long ago. @throws CommandRefused that names the option. */
export function instantOf(text: string, option: string, now = Date.now()): string {
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return new Date(now - secondsOf(text, option) * 1_000).toISOString();
  const at = Date.parse(text);
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new CommandRefused(exitCodes.usage, `${option} ${text}: want an instant such as 2026-11-22T12:00Z, or 7d.`);
}
