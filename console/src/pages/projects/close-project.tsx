/** Closing a project, if need be with people in it. */
import { Button } from "@mantine/core";
import type { Project } from "../../api/types.ts";
import { useAsk } from "../../parts/confirm.tsx";

export function CloseProject({ project }: { readonly project: Project }) {
  const ask = useAsk();
  if (project.state === "closed") return null;
  const { id, name, users, executions } = project;
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

function Consequences({ users, running }: ConsequencesProps) {
  return (
    <>
      {users.length > 0 && <p>Their sessions end: {users.map(({ user_id }) => user_id).join(", ")}.</p>}
      {running.length > 0 && <p>These executions are stopped: {running.join(", ")}.</p>}
    </>
  );
}
