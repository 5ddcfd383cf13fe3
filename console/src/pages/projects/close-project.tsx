/** Closing a project, if need be with people in it. */
import { Button } from "@mantine/core";
import type { Project } from "../../api/types.ts";
import { useAsk } from "../../parts/confirm.tsx";
import { inText } from "../../parts/names.ts";

export function CloseProject({ project }: { readonly project: Project }) {
  const ask = useAsk();
  if (project.state === "closed") return null;
  const { id, users, executions } = project;
  const name = inText(project.name);
  const running = executions.filter(({ state }) => state === "running").map((execution) => execution.name);
  const isForced = users.length > 0 || running.length > 0;
  const act = {
    title: isForced ? `Force ${name} to close?` : `Close ${name}?`,
    text: isForced ? <Consequences users={users} running={running} /> : "Nobody is in it, and nothing runs.",
    verb: isForced ? "Force to close" : "Close",
    ...(isForced && { agree: "What is not saved may be lost" }),
    change: { method: "POST", path: `projects/${id}/close`, body: { force: isForced } },
    done: `${name} is closed.`,
  } as const;
  return (
    <Button size="compact-xs" variant="default" onClick={() => ask(act)} aria-label={`Close ${name}`}>
      {isForced ? "Force close" : "Close"}
    </Button>
  );
}

interface ConsequencesProps {
  readonly users: Project["users"];
  readonly running: readonly string[];
}

/** Names that a sentence takes; the rest is counted. */
const namedMax = 20;

function namesOf(names: readonly string[]): string {
  const rest = names.length - namedMax;
  return names.slice(0, namedMax).map(inText).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

function Consequences({ users, running }: ConsequencesProps) {
  return (
    <>
      {users.length > 0 && <p>Their sessions end: {namesOf(users.map(({ user_id }) => user_id))}.</p>}
      {running.length > 0 && <p>These executions are stopped: {namesOf(running)}.</p>}
    </>
  );
}
