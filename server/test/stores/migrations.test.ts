/** What migrations make of rows that an older version has written. */
import { readFileSync } from "node:fs";
import Database from "better-sqlite3";
import { afterAll, expect, test } from "vitest";
import { HeldClock } from "../../src/clock.ts";
import type { Command } from "../../src/core/types.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite.ts";
import { entitiesOf, freshId, licenseSetting } from "../model/vendor.ts";
import { temporaryFolder } from "../process.ts";
import { codesOf, stepAll } from "./steps.ts";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const setting = licenseSetting({ type: "projects", mono: 3, team: 0 });
const place = { isvId: setting.isvId, licenseId: setting.licenseId };
const projects = [1, 2, 3].map((n) => freshId(5, n));

function connect(n: number, clientId: string, sessionId: string | null): Command {
  const ids = { session: freshId(6, n), assignment: freshId(7, n), token: freshId(8, n) };
  const projectId = projects[n % 3] as string;
  return { type: "open", ...place, clientId, sessionId, userId: null, projectId, checkoutPeriod: null, ids };
}

test("of a client's sessions without session_id on several projects the newest stays the client's, and none is lost", async () => {
  const path = `${folder.path}/projects.db`;
  const clock = new HeldClock();
  const before = openSqliteStore(path, clock);
  await before.saveCatalog(entitiesOf(setting));
  const opened = await stepAll(before, [
    ...projects.map((id, n): Command => ({ type: "project.create", ...place, id, name: `P${n}` })),
    ...projects.map((projectId): Command => ({ type: "project.open", ...place, projectId, kind: "mono" })),
    connect(0, "host", freshId(9, 0)),
    connect(1, "HOST", freshId(9, 1)),
    connect(2, "Zoë", freshId(9, 2)),
  ]);
  expect(codesOf(opened)).toEqual(Array.from({ length: 9 }, () => null));
  await before.close();

  const file = new Database(path);
  file.exec("UPDATE sessions SET session_id = NULL");
  file.exec(readFileSync(new URL("../../migrations/sqlite/0011-client-is-session.sql", import.meta.url), "utf8"));
  file.close();

  const after = openSqliteStore(path, clock);
  const view = await after.read(place.isvId, place.licenseId);
  expect([...(view?.sessions() ?? [])].map(({ id, sessionId }) => [id, sessionId])).toEqual([
    [freshId(6, 0), freshId(6, 0)],
    [freshId(6, 1), null],
    [freshId(6, 2), freshId(6, 2)],
  ]);
  const again = await stepAll(after, [connect(1, "host", null), connect(0, "host", null)]);
  expect(codesOf(again)).toEqual([null, "session_on_other_project"]);
  await after.close();
});
