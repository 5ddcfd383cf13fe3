/**
 * Three projects in turn on one token: each execution runs unattended while its user works elsewhere.
 *
 * A project costs a token while somebody is connected, and not while it computes. So one user with one Mono token starts
 * three executions, one after the other, leaves each of them running, and comes back for the results.
 *
 *     export SEATKEEPER_URL=… SEATKEEPER_ISV=… SEATKEEPER_API_KEY=… SEATKEEPER_LICENSE=…
 *     node unattended-execution.ts
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { type Execution, launcher, ProjectError } from "@seatkeeper/client";

const names = ["firmware", "driver", "loader"];
const projects = launcher();

/** The worker, a process of its own. Its reports need neither a session nor a token. */
async function compute(projectId: string, id: string, secret: string): Promise<void> {
  const execution = projects.execution(projectId, id, secret);
  for (let unit = 1; unit <= 4; unit++) {
    await sleep(200); // the work itself
    await execution.report({ unitsDone: unit });
  }
  await execution.finish("done");
}

function workerOf({ projectId, id, secret }: Execution): ChildProcess {
  // The secret goes through a pipe: command lines are seen by others.
  const worker = spawn(process.execPath, [import.meta.filename, "worker"], { stdio: ["pipe", "inherit", "inherit"] });
  worker.stdin?.end(`${projectId} ${id} ${secret}`);
  return worker;
}

async function start(name: string): Promise<ChildProcess> {
  await using project = await projects.connect(name, { wait: 10 }); // takes a Mono token
  return workerOf(await project.startExecution("analysis", 4));
}

async function create(name: string): Promise<void> {
  try {
    await projects.createProject(name);
  } catch (error) {
    if (!(error instanceof ProjectError)) throw error; // it is there from the last time
  }
}

async function main(): Promise<void> {
  const ended: Promise<unknown>[] = [];
  for (const name of names) {
    await create(name);
    await projects.openProject(name, "mono");
    ended.push(once(await start(name), "exit"));
    const progress = await projects.executionProgress(name);
    console.log(`${name}: ${progress}; ${(await projects.licenses()).monoLeft} Mono left`);
  }
  for (const name of names) {
    const progress = await projects.waitExecution(name, { timeoutSeconds: 60 }); // takes no token
    {
      await using project = await projects.connect(name, { wait: 10 }); // for the results
      console.log(`${project.name}: ${progress}`);
    }
    await projects.closeProject(name, { save: true });
  }
  await Promise.all(ended);
}

if (process.argv[2] === "worker") {
  const [projectId = "", id = "", secret = ""] = (await text(process.stdin)).split(" ");
  await compute(projectId, id, secret);
} else await main();
