/** The thread that has the SQLite file: it does what is asked, in the order in which it is (`access.ts`). */
import { parentPort, workerData } from "node:worker_threads";
import { accessHere, type Letter, type Returned, ready, told } from "./access.ts";
import { pagesAtATimeInThread } from "./file.ts";
import { Tables } from "./tables.ts";

const port = parentPort;
if (port === null) throw new Error("This is not a program to be run by itself.");
const tell = (returned: Returned) => port.postMessage(returned);

port.once("message", (left: string) => {
  try {
    const tables = new Tables(workerData as string, left);
    tables.checkpointEvery(pagesAtATimeInThread);
    const file = accessHere(tables);
    port.on("message", ({ no, question, args }: Letter) => {
      const answered = question === "close" ? file.close() : file.ask(question, ...(args as never));
      answered.then(
        (answer) => tell({ no, answer }),
        (error) => tell({ no, error: told(error) }),
      );
    });
    tell({ no: 0, answer: null });
  } catch (error) {
    tell({ no: 0, error: told(error) });
  }
});
port.postMessage(ready);
