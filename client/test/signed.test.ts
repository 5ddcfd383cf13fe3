/** A client that holds the key set, a real server, and somebody between them. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connect, type KeySet, releaseAll } from "../src/index.ts";
import { licenses, Vendor } from "./vendor.ts";

let vendor: Vendor;
let keySet: KeySet;

beforeAll(async () => {
  vendor = await Vendor.start();
  keySet = await vendor.keySet();
});
afterAll(() => vendor?.stop());
afterEach(async () => {
  between = (answer) => answer;
  await releaseAll();
});

const { users } = licenses;

/** An answer on its way. */
interface Passing {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** What whoever sits between makes of the n-th answer to a call that ends so. */
type Between = (answer: Passing, path: string) => Passing;
let between: Between = (answer) => answer;

const passing: typeof fetch = async (url, init) => {
  const response = await fetch(url, init);
  const made = between(
    { status: response.status, headers: response.headers, body: await response.text() },
    new URL(String(url)).pathname.split("/").at(-1) as string,
  );
  return new Response(made.status === 204 ? null : made.body, { status: made.status, headers: made.headers });
};

const seats = () => connect({ ...vendor.options, keySet, fetch: passing });
const openFor = (user: string) => seats().open({ license: users, user });
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => "granted",
    (error: Error) => error.name,
  );

describe("with the key set, everything that the server answers is verified", () => {
  test("grants, denials, look-ups with a query, and answers without content", async () => {
    await using session = await openFor("anna");
    session.require();
    expect((await seats().tokens(users)).pool("floating").used).toBe(1);
    expect(await refusal(seats().open({ license: "5f0f3c0e-6a1b-4f6e-9d2c-1f2f3a4b5c99", user: "anna" }))).toBe(
      "LicenseUnknown",
    );
    const launcher = vendor.launcher("anna", { keySet, fetch: passing });
    const project = await launcher.createProject("signed");
    expect((await launcher.projects()).map(({ name }) => name)).toEqual(["signed"]);
    expect(await refusal(launcher.project(users))).toBe("ProjectUnknown");
    await launcher.deleteProject(project);
  });

  test("a key of another vendor's makes no difference", async () => {
    const other = {
      keys: [{ kty: "OKP", crv: "Ed25519", kid: "x", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }],
    };
    await expect(connect({ ...vendor.options, keySet: other }).open({ license: users, user: "anna" })).rejects.toThrow(
      "not by the server for this request",
    );
    expect(await vendor.sessions(users)).toEqual([]);
  });

  test("a refusal from before the server knows who asks may be unsigned", async () => {
    const wrong = connect({ ...vendor.options, apiKey: "no-such-key-1", keySet });
    expect(await refusal(wrong.open({ license: users, user: "anna" }))).toBe("NotAuthorized");
    expect(await refusal(seats().open({ license: "no-uuid", user: "anna" }))).toBe("RequestRefused");
  });

  test("a redirect says as little, and is not called forged", async () => {
    between = () => ({ status: 302, headers: new Headers({ Location: "http://portal.test/" }), body: "<html>" });
    expect(await refusal(seats().tokens(users))).toBe("Redirected");
    between = (answer) => answer;
  });

  test("a set without a usable key is no set", () => {
    for (const unusable of [{ keys: [] }, { keys: [{ kty: "RSA", kid: "x" }] }, '{"keys":[]}']) {
      expect(() => connect({ ...vendor.options, keySet: unusable })).toThrow(TypeError);
    }
  });
});

describe("whoever sits between", () => {
  /** Remembers the first grant, and answers with what `make` does of it and the next. */
  const afterTheFirst = (make: (first: Passing, next: Passing) => Passing): void => {
    let first: Passing | undefined;
    between = (answer, path) => {
      if (path !== "open") return answer;
      if (first !== undefined) return make(first, answer);
      first = answer;
      return answer;
    };
  };

  test.each<[string, (first: Passing, next: Passing) => Passing]>([
    ["replays an old grant", (first) => first],
    ["puts an old body under a fresh signature", (first, next) => ({ ...next, body: first.body })],
    [
      "puts a fresh signature's digest beside an old body",
      (first, next) => {
        const headers = new Headers(next.headers);
        headers.set("content-digest", first.headers.get("content-digest") as string);
        return { ...next, headers, body: first.body };
      },
    ],
  ])("%s: refused, and what was opened is given back", async (_name, make) => {
    afterTheFirst(make);
    await using _ = await openFor("anna");
    expect(await refusal(openFor("ben"))).toBe("BadSignature");
    between = (answer) => answer;
    expect((await vendor.sessions(users)).map((line) => line.user_id)).toEqual(["anna"]);
  });

  test("makes a denial into a grant, or a grant into a denial: refused", async () => {
    await using _anna = await openFor("anna");
    await using _ben = await openFor("ben");
    between = (answer) => ({ ...answer, status: answer.status === 409 ? 200 : 409 });
    expect(await refusal(openFor("cem"))).toBe("BadSignature");
    expect(await refusal(openFor("anna"))).toBe("BadSignature");
  });

  test.each(["signature", "signature-input"])(
    "strips %s: refused, on every status that says something",
    async (name) => {
      const launcher = vendor.launcher("anna", { keySet, fetch: passing });
      const project = await launcher.createProject(`kept from ${name}`);
      between = ({ status, headers, body }) => {
        const stripped = new Headers(headers);
        stripped.delete(name);
        return { status, headers: stripped, body };
      };
      expect(await refusal(openFor("anna"))).toBe("BadSignature");
      expect(await refusal(launcher.createProject("another"))).toBe("BadSignature");
      expect(await refusal(launcher.project(users))).toBe("BadSignature");
      expect(await refusal(launcher.deleteProject(project))).toBe("BadSignature");
      between = (answer) => answer;
    },
  );

  test("answers in the server's place with a signature of less: refused", async () => {
    between = ({ status, headers, body }) => {
      const less = new Headers(headers);
      less.set("signature-input", (headers.get("signature-input") ?? "").replace(' "content-digest";req', ""));
      return { status, headers: less, body };
    };
    expect(await refusal(openFor("anna"))).toBe("BadSignature");
  });
});
