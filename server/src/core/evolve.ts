import type { Entry } from "./heap.ts";
import type { LicenseState } from "./state.ts";
import type { Change } from "./types.ts";

/** Applies one change. No rule, no choice: whatever was decided, happens. Answers with the session's entry, if it was one. */
export function evolve(license: LicenseState, change: Change): Entry | undefined {
  switch (change.type) {
    case "session":
      return license.putSession(change.session);
    case "session.gone":
      return license.dropSession(change.key);
    case "check-ins":
      license.checkIns = change.checkIns;
      return undefined;
    case "assignment":
      license.putAssignment(change.assignment);
      return undefined;
    case "project":
      license.putProject(change.project);
      return undefined;
    case "project.gone":
      license.dropProject(change.id);
      return undefined;
    case "item":
      license.putItem(change.item);
      return undefined;
    case "item.gone":
      license.dropItem(change.kind, change.key);
      return undefined;
  }
}
