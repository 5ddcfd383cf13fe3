/** The tests start hundreds of servers and commands: what Node.js compiles for one of them, the others find. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): void {
  const folder = mkdtempSync(join(tmpdir(), "seatkeeper-compiled-"));
  process.env.NODE_COMPILE_CACHE = folder;
  // Not in a teardown: the processes that run the tests write there as they end, and end after it.
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
}
