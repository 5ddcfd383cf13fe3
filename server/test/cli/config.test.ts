import { expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";

test("an empty environment gives the documented defaults", () => {
  expect(readConfig({})).toEqual({
    host: "127.0.0.1",
    port: 7070,
    database: { kind: "sqlite", path: "./data/seatkeeper.db" },
    tenantFiles: [],
    logLevel: "info",
    operatorKey: null,
    tls: null,
    drainSeconds: 0,
    trustedProxies: [],
  });
});

test("an empty value counts as unset", () => {
  expect(readConfig({ SEATKEEPER_PORT: "", SEATKEEPER_DATABASE_URL: " " })).toEqual(readConfig({}));
});

test("all faults of the environment are told together, each with what is wanted", () => {
  const env = {
    SEATKEEPER_PORT: "80a",
    SEATKEEPER_DATABASE_URL: "mysql://x",
    SEATKEEPER_LOG_LEVEL: "loud",
    SEATKEEPER_HOST: "two words",
  };
  expect(() => readConfig(env)).toThrowErrorMatchingInlineSnapshot(`
    [ConfigRefused: configuration:
      SEATKEEPER_HOST="two words": want an address or host name to listen on
      SEATKEEPER_PORT="80a": want a whole number from 0 to 65535 (0: any free port)
      SEATKEEPER_DATABASE_URL="mysql://…": want sqlite:PATH, postgres://USER:PASSWORD@HOST,…/DATABASE (in a password, signs such as / as %2F, @ as %40, # as %23) or memory:
      SEATKEEPER_LOG_LEVEL="loud": want one of fatal, error, warn, info, debug, trace, silent]
  `);
});

test("files that cannot be read are told with what else is wrong", () => {
  const env = {
    SEATKEEPER_PORT: "abc",
    SEATKEEPER_TENANT_FILES: "package.json,nowhere.yaml",
    SEATKEEPER_TLS_CERT_FILE: "nowhere.pem",
    SEATKEEPER_TLS_KEY_FILE: "package.json",
  };
  expect(() => readConfig(env)).toThrowErrorMatchingInlineSnapshot(`
    [ConfigRefused: configuration:
      SEATKEEPER_PORT="abc": want a whole number from 0 to 65535 (0: any free port)
      SEATKEEPER_TENANT_FILES: nowhere.yaml cannot be read: ENOENT
      SEATKEEPER_TLS_CERT_FILE: nowhere.pem cannot be read: ENOENT]
  `);
});

test("an operator's key that is too short is refused, and not shown", () => {
  expect(() => readConfig({ SEATKEEPER_OPERATOR_KEY: "hunter2" })).toThrowErrorMatchingInlineSnapshot(`
    [ConfigRefused: configuration:
      SEATKEEPER_OPERATOR_KEY: want 24 to 512 letters, digits or signs, no blanks]
  `);
});

test.each(["65536", "-1", "7070.5", "0x1f", "1e3"])("port %s is refused", (port) => {
  expect(() => readConfig({ SEATKEEPER_PORT: port })).toThrow(/SEATKEEPER_PORT/);
});

test.each(["-1", "301", "1.5", "5s"])("a drain of %s seconds is refused", (seconds) => {
  expect(() => readConfig({ SEATKEEPER_DRAIN_SECONDS: seconds })).toThrow(/SEATKEEPER_DRAIN_SECONDS/);
});

test.each([
  ["memory:", { kind: "memory" }],
  ["sqlite:data/x.db", { kind: "sqlite", path: "data/x.db" }],
  ["sqlite:/var/lib/x.db", { kind: "sqlite", path: "/var/lib/x.db" }],
  ["sqlite:///var/lib/x.db", { kind: "sqlite", path: "/var/lib/x.db" }],
  ["postgres://a:b@db/x", { kind: "postgres", url: "postgres://a:b@db/x" }],
  ["postgres://a:b@db1:5432,db2:5433/x", { kind: "postgres", url: "postgres://a:b@db1:5432,db2:5433/x" }],
])("%s names a store", (url, database) => {
  expect(readConfig({ SEATKEEPER_DATABASE_URL: url }).database).toEqual(database);
});

test.each(["sqlite://data/x.db", "sqlite://./data/x.db", "sqlite://"])(
  "%s is refused: its path would count from the root",
  (url) => {
    expect(() => readConfig({ SEATKEEPER_DATABASE_URL: url })).toThrow(
      `SEATKEEPER_DATABASE_URL="${url}": want sqlite:PATH`,
    );
  },
);

test("an address of which one server is no address is refused, without its password", () => {
  const refused = () => readConfig({ SEATKEEPER_DATABASE_URL: "postgres://a:secret@db1:5432,db2:none/x" });
  expect(refused).toThrow('SEATKEEPER_DATABASE_URL="postgres://…": want');
});

test.each([
  "postgres://seatkeeper:pA/ss+wOrd=@db.internal/seatkeeper",
  "postgres://seatkeeper:pA#ss:wOrd@db.internal/seatkeeper",
  "postgres://seatkeeper:pA?ss@wOrd@db.internal/seatkeeper",
  "postgres:/seatkeeper:pAsswOrd@db.internal/seatkeeper",
  "postgres://db.internal:none/seatkeeper?sslmode=require&password=pAsswOrd",
  '"postgres://seatkeeper:pAsswOrd@db.internal/seatkeeper"',
  "postgres//seatkeeper:pAsswOrd@db.internal/seatkeeper",
  "postgres+ssl://seatkeeper:pAsswOrd@db.internal/seatkeeper",
  "postgres://seatkeeper:pAsswOrd",
])("%s is refused without a letter of its password, and says how signs are written", (url) => {
  const refusal = () => readConfig({ SEATKEEPER_DATABASE_URL: url });
  expect(refusal).toThrow(/SEATKEEPER_DATABASE_URL=.*want .*signs such as \/ as %2F/);
  expect(refusal).not.toThrow(/pA|wOrd/);
});

test("tenant files are a list with commas; spaces and empty places do not count", () => {
  expect(readConfig({ SEATKEEPER_TENANT_FILES: "a.yaml, b.yaml,," }).tenantFiles).toEqual(["a.yaml", "b.yaml"]);
});

test("trusted proxies are addresses and networks", () => {
  const proxies = ["10.0.0.0/8", "192.0.2.1", "::1", "fd00::/8"];
  expect(readConfig({ SEATKEEPER_TRUSTED_PROXIES: proxies.join(", ") }).trustedProxies).toEqual(proxies);
});

test.each([
  "proxy.example.com",
  "10.0.0.0/33",
  "::/0",
  "0.0.0.0/0",
  "10.0.0.0/",
  "10.0.0.0/8/8",
  "300.0.0.1",
  "fe80::1%eth0",
  "10.0/8",
])("%s is no proxy to trust", (proxy) => {
  expect(() => readConfig({ SEATKEEPER_TRUSTED_PROXIES: `::1,${proxy}` })).toThrow(/SEATKEEPER_TRUSTED_PROXIES/);
});
