/** What is promised stands on tests that exist, and what is deployed names settings and addresses that exist. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (file: string) => readFileSync(root + file, "utf8");
const deployed = readdirSync(`${root}deploy`).map((name) => `deploy/${name}`);

test("every test and script that the promises name is there", () => {
  const named = [...read("docs/promises.md").matchAll(/`((?:server|client|scripts|deploy)\/[\w./-]+)`/g)].map(
    ([, file]) => file as string,
  );
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((file) => !existsSync(root + file))).toEqual([]);
});

test("every strike that the promises name is one of the script's", () => {
  const script = read("scripts/failover/failover.ts");
  const named = [...read("docs/promises.md").matchAll(/failover\.ts`, "([^"]+)"/g)].map(([, name]) => name as string);
  expect(named.length).toBeGreaterThan(1);
  for (const name of named) expect(script).toContain(`"${name}": async`);
});

test("the promises' figures are of the settings in force", () => {
  const settings = parseAllDocuments(read("deploy/patroni.yml"))[0]?.toJS();
  const { ttl, loop_wait, retry_timeout, synchronous_mode_strict, postgresql } = settings.bootstrap.dcs;
  expect(synchronous_mode_strict).toBe(true);
  expect(loop_wait + 2 * retry_timeout, "Patroni's own rule").toBeLessThanOrEqual(ttl);
  expect(read("docs/promises.md")).toContain(`\`ttl\`, ${ttl} s`);
  expect(read("docs/promises.md")).toContain(
    `\`wal_sender_timeout\`, ${postgresql.parameters.wal_sender_timeout.replace("s", " s")}`,
  );
});

test.each(deployed)("%s names settings that there are", (file) => {
  const settings = read("server/src/config.ts").match(/SEATKEEPER_[A-Z_]+/g);
  const named = read(file).match(/SEATKEEPER_[A-Z_]+/g) ?? [];
  expect(named.filter((name) => !settings?.includes(name))).toEqual([]);
});

test("Kubernetes looks where the server answers, and waits for as long as it drains", () => {
  const [deployment] = parseAllDocuments(read("deploy/kubernetes.yaml")).map((document) => document.toJS());
  const { terminationGracePeriodSeconds, containers } = deployment.spec.template.spec;
  const [{ env, startupProbe, livenessProbe, readinessProbe }] = containers;
  const paths = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path);
  expect(paths).toEqual(["/healthz", "/healthz", "/readyz"]);
  const drain = Number(env.find(({ name }: { name: string }) => name === "SEATKEEPER_DRAIN_SECONDS").value);
  expect(terminationGracePeriodSeconds).toBeGreaterThan(drain + 8);
  expect(drain).toBeGreaterThan(readinessProbe.periodSeconds * readinessProbe.failureThreshold);
});
