/** How far an execution is, as everybody may read it without a token. */
import { executionStaleMs } from "../../core/limits.ts";
import type { Execution, Millis } from "../../core/types.ts";

/** The progress of a project's latest execution; null: it never had one, and idles. */
export function progressOf(execution: Execution | null, now: Millis) {
  if (execution === null) {
    return {
      state: "idle",
      stale: false,
      fraction: null,
      units_done: null,
      units_total: null,
      message: null,
      started_at: null,
      updated_at: null,
    };
  }
  return {
    state: execution.state,
    // Nobody has to report; but who has not for long may have died.
    stale: execution.state === "running" && now - execution.updatedAt >= executionStaleMs,
    fraction: fractionOf(execution),
    units_done: execution.unitsDone,
    units_total: execution.unitsTotal,
    message: execution.message,
    started_at: new Date(execution.startedAt).toISOString(),
    updated_at: new Date(execution.updatedAt).toISOString(),
  };
}

function fractionOf({ state, unitsDone, unitsTotal }: Execution): number | null {
  if (state === "finished") return 1;
  return unitsTotal === null || unitsTotal === 0 ? null : Math.min(1, unitsDone / unitsTotal);
}
