import type { LicenseState } from "./state.ts";
import type { Change } from "./types.ts";

/** Applies one change. No rule, no choice: whatever was decided, happens. Answers with the slot of a session that was put; 0: it was none. */
export function evolve(license: LicenseState, change: Change): number {
  switch (change.type) {
    case "session":
      return license.putSession(change.session);
    case "session.gone":
      license.dropSession(change.key);
      break;
    case "check-ins":
      license.checkIns = change.checkIns;
      break;
    case "assignment":
      license.putAssignment(change.assignment);
      break;
    case "project":
      license.putProject(change.project);
      break;
    case "project.gone":
      license.dropProject(change.id);
      break;
    case "item":
      license.putItem(change.item);
      break;
    case "item.gone":
      license.dropItem(change.kind, change.key);
      break;
  }
  return 0;
}
