/** One call of the server's API: with the console's cookie, in JSON, and with refusals that forms can show. */

/** What the server refused, in its own words. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly code: string;
  /** What is wrong with a field of the body, by the field's name. */
  readonly fields: Readonly<Record<string, string>>;
  /** Who stands in the way of a deletion. */
  readonly dependents: readonly { readonly kind: string; readonly name: string | null; readonly id: string }[];

  constructor(status: number, body: RefusalBody) {
    super(body.detail ?? body.message ?? `The server answered with ${status}.`);
    this.status = status;
    this.code = body.code ?? "unknown";
    this.fields = fieldsOf(body);
    this.dependents = body.dependents?.items ?? [];
  }
}

interface RefusalBody {
  readonly code?: string;
  readonly detail?: string;
  readonly message?: string;
  readonly errors?: readonly { readonly field: string; readonly detail: string }[];
  readonly dependents?: { readonly items: Refused["dependents"] };
}

/** A fault of form alone is told as a sentence that begins with the field. */
function fieldsOf({ code, detail, errors }: RefusalBody): Readonly<Record<string, string>> {
  if (errors !== undefined) return Object.fromEntries(errors.map((error) => [error.field, error.detail]));
  const [, field, fault] = /^([\w/]+): (.+)$/.exec(detail ?? "") ?? [];
  return code === "input_invalid" && field !== undefined && fault !== undefined ? { [field]: fault } : {};
}

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** An address with those parameters that are set. */
export function withQuery(path: string, query: Query = {}): string {
  const set = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return text === "" ? path : `${path}?${text}`;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Answered<T> {
  readonly body: T;
  /** Of all pages, where the answer is one page of a bare list. */
  readonly total: number | null;
  /** The version of the entity, where it is one. */
  readonly etag: string | null;
}

/**
 * `ifMatch`: the version that the change was made from; refused where it is another by now.
 * @throws Refused, or an Error where the server cannot be reached.
 */
export async function send<T>(
  method: Method,
  path: string,
  body?: unknown,
  ifMatch: string | null = null,
): Promise<Answered<T>> {
  const { response, text } = await exchange(path, {
    method,
    headers: {
      Accept: "application/problem+json, application/json",
      "X-Requested-With": "console",
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...(ifMatch !== null && { "If-Match": ifMatch }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const read = jsonIn(text);
  if (!response.ok || read === undefined) throw new Refused(response.status, read ?? {});
  const total = response.headers.get("X-Total-Count");
  return { body: read as T, total: total === null ? null : Number(total), etag: response.headers.get("ETag") };
}

async function exchange(path: string, request: RequestInit) {
  try {
    const response = await fetch(path, request);
    return { response, text: await response.text() };
  } catch {
    // What browsers say of it, such as "Failed to fetch", is for programmers.
    throw new Error("The server cannot be reached.");
  }
}

/** Undefined where it is none: a proxy that does not reach the server answers with a page of its own. */
function jsonIn(text: string) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return undefined;
  }
}
