/** The thread that has the SQLite file: it does what is asked, in the order in which it is (`access.ts`). */
import { parentPort, workerData } from "node:worker_threads";
import { type Letter, type Returned, told } from "./access.ts";
import { Tables } from "./tables.ts";

const port = parentPort;
if (port === null) throw new Error("This is not a program to be run by itself.");
const tell = (returned: Returned) => port.postMessage(returned);

try {
  const tables = new Tables(workerData as string);
  port.on("message", ({ no, question, args }: Letter) => {
    const fail = (error: unknown) => tell({ no, error: told(error) });
    try {
      const answer = (tables[question] as (...given: unknown[]) => unknown).apply(tables, [...args]);
      // A copy takes its time, and others are served meanwhile.
      if (answer instanceof Promise) answer.then((later) => tell({ no, answer: later }), fail);
      else tell({ no, answer });
    } catch (error) {
      fail(error);
    }
  });
  tell({ no: 0, answer: null });
} catch (error) {
  tell({ no: 0, error: told(error) });
}
