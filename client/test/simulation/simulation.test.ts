/** The real client against the real server in simulated worlds. `SIMULATIONS=1000` plays more of them, `SEED` one of them again. */
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../server/test/process.ts";
import { SimulatedWorld } from "./world.ts";

const worlds = Number(process.env.SIMULATIONS ?? 4);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const minutes = 90;

const folder = temporaryFolder();
afterAll(() => folder.remove());

const seen: Record<string, number> = {};

test.each(Array.from({ length: worlds }, (_, n) => seed + n))(
  "never do more programs trust a token than there are (SEED=%i)",
  {
    timeout: 300_000,
  },
  async (worldSeed) => {
    const world = new SimulatedWorld(worldSeed, join(folder.path, `${worldSeed}.db`));
    await world.play(minutes);
    for (const [name, count] of Object.entries({ ...world.seen, ...world.seenOfServer, ...world.messages })) {
      seen[name] = (seen[name] ?? 0) + count;
    }
  },
);

test("the worlds had everything in them that they are about", () => {
  for (const [name, count] of Object.entries(seen))
    expect(count, `${name} in ${JSON.stringify(seen)}`).toBeGreaterThan(3);
  expect(seen.granted).toBeGreaterThan(8 * worlds);
});
