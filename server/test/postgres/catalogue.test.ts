/** The catalogue as one server knows it, while others change it: with answers of the database that come in the wrong order. */
import { expect, test } from "vitest";
import { Catalogue } from "../../src/stores/postgres/catalogue.ts";
import type { Connections, Row } from "../../src/stores/postgres/connections.ts";
import { entitiesOf, isvIdOf, licenseIdOf, licenseSetting } from "../model/vendor.ts";

/** The rows of one licence's catalogue, all of one revision. */
function rowsOf(revision: number, tokens: number): Row[] {
  return entitiesOf(licenseSetting({ tokens })).map(({ isvId, kind, id, body, applied }) => {
    return { isv_id: isvId, kind, id, body, applied, revision };
  });
}

test("an older answer that comes after a newer one changes nothing", async () => {
  const answers: ((rows: readonly Row[]) => void)[] = [];
  const query = () => new Promise<readonly Row[]>((resolve) => answers.push(resolve));
  const catalogue = new Catalogue({ query } as unknown as Connections, ({ now }) => Number(now));
  const [first, second] = [catalogue.refresh(), catalogue.refresh()];
  answers[1]?.(rowsOf(2, 20));
  await second;
  answers[0]?.(rowsOf(1, 10));
  await first;
  expect(catalogue.directory.terms(isvIdOf(1), licenseIdOf(1))?.floatingTokenLimit).toBe(20);
  expect(catalogue.revision).toBe(2);
});
