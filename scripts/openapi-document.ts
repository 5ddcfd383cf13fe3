/**
 * Writes docs/reference/openapi.json: the document that a running server gives at /openapi.json, made from the schemas
 * that it validates with. With `--check` it writes nothing, and ends with status 1 when the file is stale.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { HeldClock } from "../server/src/clock.ts";
import { Desk } from "../server/src/desk/desk.ts";
import { createApp } from "../server/src/http/app.ts";
import { loadSigningKeys } from "../server/src/http/signing.ts";
import { openMemoryStore } from "../server/src/stores/memory.ts";

const file = fileURLToPath(new URL("../docs/reference/openapi.json", import.meta.url));

const { values: options } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const store = openMemoryStore(new HeldClock());
const signer = await loadSigningKeys(store);
const app = await createApp({ store, desk: new Desk(store), signer, log: pino({ level: "silent" }) });
const fresh = `${JSON.stringify(app.document(), null, 2)}\n`;
if (!options.check) writeFileSync(file, fresh);
else if (!existsSync(file) || readFileSync(file, "utf8") !== fresh) {
  console.error("docs/reference/openapi.json is stale: run `npm run docs`");
  process.exit(1);
}
