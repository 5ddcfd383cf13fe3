/** What whoever operates the server may ask for: copies of everything, of all vendors at once. */
import { Readable } from "node:stream";
import { Type } from "typebox";
import { sweepAll } from "../../desk/upkeep.ts";
import { writeExport } from "../../stores/export-format.ts";
import type { Download } from "../answer.ts";
import { Problem } from "../problem.ts";
import { forOperator, type Route, type Services } from "../route.ts";

const notice = "It holds private signing keys and personal data of **all vendors**: keep it like a password.";

export function operatorRoutes({ store, desk, log }: Services): Route[] {
  const oneAtATime = downloads();
  return [
    forOperator({
      method: "GET",
      path: "/operator/backup",
      tag: "Operator",
      summary: "A copy of the database file",
      description: `Of a SQLite database, as of one instant, while the server goes on. ${notice}`,
      answerType: "application/vnd.sqlite3",
      answers: { 200: Type.String() },
      async handle(_call, finish) {
        const download = await oneAtATime(async () => {
          const backup = await store.backup();
          if (backup === null)
            throw new Problem("backup_elsewhere", "PostgreSQL: use pg_dump. In memory: use an export.");
          return { contentType: "application/vnd.sqlite3", ...backup };
        });
        log.warn({ bytes: download.bytes }, "an operator takes a backup");
        finish(download);
      },
    }),
    forOperator({
      method: "GET",
      path: "/operator/export",
      tag: "Operator",
      summary: "Everything, as lines of JSON",
      description: `As of one instant, for an import into another store. ${notice}`,
      answerType: "application/jsonl",
      answers: { 200: Type.String() },
      async handle(_call, finish) {
        const download = await oneAtATime(async () => {
          // So that nothing is owed to a licence that another store would not know of.
          await sweepAll(store, desk);
          const dump = await store.dump();
          const stream = Readable.from(writeExport(dump, store.now())).once("close", () => dump.close());
          return { contentType: "application/jsonl", bytes: null, stream };
        });
        log.warn({}, "an operator takes an export");
        finish(download);
      },
    }),
  ];
}

/** One after the other: each needs as much room as the database, and the time of whoever serves. */
function downloads(): (make: () => Promise<Download>) => Promise<Download> {
  let isBusy = false;
  return async (make) => {
    if (isBusy) throw new Problem("download_busy", "Try again when it is done.", ["Retry-After", "30"]);
    isBusy = true;
    try {
      const download = await make();
      download.stream.once("close", () => {
        isBusy = false;
      });
      return download;
    } catch (error) {
      isBusy = false;
      throw error;
    }
  };
}
