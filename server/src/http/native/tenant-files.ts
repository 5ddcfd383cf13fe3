/** Tenant files for a running server: applied as at its start, and answered with what that came to. */
import { type Static, Type } from "typebox";
import type { Vendor } from "../../catalog/catalog.ts";
import { adminRoleOf, type Key, kinds } from "../../catalog/entities.ts";
import type { Merged } from "../../catalog/tenant-apply.ts";
import { applyTenantTexts, TenantFileFault } from "../../catalog/tenant-file.ts";
import { CatalogConflict, type Store } from "../../stores/store.ts";
import { callerStill } from "../access.ts";
import { authorOf } from "../admin/author.ts";
import { entityChange } from "../admin/change.ts";
import { json } from "../answer.ts";
import { Name } from "../input.ts";
import {
  tenantEntriesMax,
  tenantFilesBytesMax,
  tenantFilesMax,
  tenantFilesRetrySeconds,
  tenantPiecesMax,
  tenantSecretsMax,
} from "../limits.ts";
import { Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";

const strict = { additionalProperties: false };
const Body = Type.Object(
  {
    files: Type.Array(
      Type.Object(
        {
          name: Name("What faults and the audit log call the file.", "tenant.yaml"),
          text: Type.String({ description: "The file." }),
          secrets: Type.Optional(
            Type.Record(Type.String(), Type.String({ pattern: "^[0-9a-fA-F]{64}$" }), {
              description:
                "The SHA-256 of each key that the file names as a `secret_file`, by the path that it has there.",
              maxProperties: tenantSecretsMax,
            }),
          ),
        },
        strict,
      ),
      { minItems: 1, maxItems: tenantFilesMax },
    ),
    dry_run: Type.Optional(Type.Boolean({ description: "Say what would be done, and do nothing." })),
  },
  strict,
);
const Applied = Type.Object({
  dry_run: Type.Boolean(),
  created: Type.Integer(),
  changed: Type.Integer(),
  unchanged: Type.Integer(),
  changes: Type.Array(
    Type.Object({
      act: Type.Enum(["created", "changed"]),
      kind: Type.Enum(Object.keys(kinds)),
      id: Type.String(),
      name: Type.Union([Type.String(), Type.Null()]),
      fields: Type.Array(Type.String(), { description: "Of what was there: the fields that are another now." }),
    }),
  ),
});

export function tenantFileRoutes({ store }: Services): Route[] {
  const oneAtATime = oneByOne();
  return [
    keyed({
      method: "POST",
      path: "/tenant-files",
      reach: "admin",
      tag: "Vendor",
      summary: "Apply tenant files",
      description:
        "As at a start: a field is written only where a file has changed its mind since it was applied last, and nothing is deleted. All of the files or none. No path of theirs is read: what they name as a `secret_file` has to come along as its SHA-256. One call after the other (503 `tenant_files_busy`); more than 5,000 entries go into several calls.",
      body: Body,
      bodyBytesMax: tenantFilesBytesMax,
      answers: { 200: Applied },
      async handle(call, finish) {
        const applied = await oneAtATime(() => refusing(() => applyCall(store, call)));
        finish(json({ dry_run: call.body.dry_run === true, ...applied }));
      },
    }),
  ];
}

async function applyCall(store: Store, call: KeyedCall<Static<typeof Body>>) {
  await store.refresh();
  const most = { pieces: tenantPiecesMax, entries: tenantEntriesMax };
  return applyTenantTexts(store, call.body.files.map(fileOf), most, {
    author: authorWith(call),
    isvId: call.isvId,
    isDryRun: call.body.dry_run === true,
    check: (merged) => {
      // Reading took its time: whoever was shut out meanwhile must not leave a key behind.
      const { key, vendor } = callerStill(store.catalog, call.isvId, call.key, "admin", "owner");
      requireOwner(vendor, merged);
      return [entityChange(store, call.isvId, "key", key.id, key, key)];
    },
  });
}

/** One after the other, whosever they are: each takes a good deal of memory, and of everybody's time. */
function oneByOne(): <T>(apply: () => Promise<T>) => Promise<T> {
  let isBusy = false;
  return async (apply) => {
    if (isBusy) {
      const after = ["Retry-After", String(tenantFilesRetrySeconds)];
      throw new Problem("tenant_files_busy", "Try again when they are.", after);
    }
    isBusy = true;
    try {
      return await apply();
    } finally {
      isBusy = false;
    }
  };
}

function fileOf({ name, text, secrets = {} }: Static<typeof Body>["files"][number]) {
  const sha256Of = new Map(Object.entries(secrets));
  const secretOf = (path: string) => {
    const sha256 = sha256Of.get(path)?.toLowerCase();
    return sha256 === undefined ? { fault: "its SHA-256 did not come along with the file" } : { sha256 };
  };
  return { path: name, text, secretOf };
}

/** The key, on behalf of the files where the caller names nobody. */
function authorWith(call: KeyedCall<Static<typeof Body>>) {
  const author = authorOf(call);
  return { ...author, onBehalfOf: author.onBehalfOf ?? call.body.files.map(({ name }) => name).join(", ") };
}

async function refusing<T>(apply: () => Promise<T>): Promise<T> {
  try {
    return await apply();
  } catch (error) {
    if (error instanceof TenantFileFault) {
      const errors = error.faults.map(({ file, line, path, text }) => ({ field: path, detail: text, file, line }));
      throw new Problem("input_invalid", error.message, [], { errors });
    }
    if (!(error instanceof CatalogConflict)) throw error;
    throw new Problem("entity_in_use", `Somebody else is changing it: the ${error.message}.`);
  }
}

/** @throws Problem where the files leave the vendor without an owner: nobody could undo it by API. */
function requireOwner(vendor: Vendor, merged: readonly Merged[]): void {
  const keys = new Map<string, Key>(vendor.keys);
  for (const { kind, body } of merged) if (kind === "key") keys.set(body.id, body as Key);
  const isKept = [...keys.values()].some((key) => key.is_active && adminRoleOf(key) === "owner");
  if (!isKept) throw new Problem("last_owner", "The files leave no active key of role owner.");
}
