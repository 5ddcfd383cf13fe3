/** A small tenant file that tests change, and a store that counts what is saved. */
import type { EntityChange, StoredEntity } from "../../src/catalog/entities.ts";
import { applyTenantFiles, readTenantFile, TenantFileFault } from "../../src/catalog/tenant-file.ts";
import { HeldClock } from "../../src/clock.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";

export const isvId = "2af5fe02-6207-4214-946e-b00ac5309f53";
export const licenseId = "27180460-29df-4a5a-a0a1-78c85ab6cee0";

export const small = `isv: { id: ${isvId}, name: Demo Vendor }
keys:
  - { name: app, role: provisioning, secret: "demo-provisioning-key" }
products:
  - name: CAD
    features: [{ name: Cloud backup }]
    limitations: [{ name: Cores }]
editions:
  - product: CAD
    name: Floating devices
    provisioning_mode: floating
    client_type: devices
    features: [Cloud backup]
    limitations: [{ limitation: Cores, value: 3 }]
  - { product: CAD, name: Floating users, provisioning_mode: floating, client_type: users }
  - { product: CAD, name: Named devices, provisioning_mode: named, client_type: devices }
customers:
  - { number: "87012", name: Ring Retail Ltd }
licenses:
  - id: ${licenseId}
    customer: "87012"
    edition: Floating devices
    floating_token_limit: 2
`;

/** The small file with one text replaced, which must be there. */
export function smallWith(old: string, fresh: string, text = small): string {
  if (!text.includes(old)) throw new Error(`the file has no ${old}`);
  return text.replace(old, () => fresh);
}

export interface CountingStore extends Store {
  readonly saved: (readonly EntityChange[])[];
}

export function openStore(): CountingStore {
  const store = openMemoryStore(new HeldClock());
  const saved: (readonly EntityChange[])[] = [];
  return {
    ...store,
    catalog: store.catalog,
    saved,
    saveCatalog(changes, author) {
      saved.push(changes);
      return store.saveCatalog(changes, author);
    },
  };
}

export async function apply(store: Store, ...texts: string[]) {
  return await applyTenantFiles(
    store,
    texts.map((text, n) => readTenantFile(n === 0 ? "tenant.yaml" : `tenant${n + 1}.yaml`, text)),
  );
}

/** The faults of reading and applying, one a line as they are printed. */
export async function faultsOf(store: Store, ...texts: string[]): Promise<string[]> {
  try {
    await apply(store, ...texts);
  } catch (error) {
    if (!(error instanceof TenantFileFault)) throw error;
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
  throw new Error("no fault");
}

/** An administrator's change: what was applied from files is kept beside it. */
export async function administer<K extends StoredEntity["kind"]>(
  store: Store,
  kind: K,
  body: StoredEntity<K>["body"],
): Promise<void> {
  await store.saveCatalog([{ isvId, kind, id: body.id, body, applied: store.applied(isvId, kind, body.id) }]);
}

/** Deletes as the API does: what was applied from files is kept, so that they do not bring it back. */
export async function deleteEntity(store: Store, kind: StoredEntity["kind"], id: string): Promise<void> {
  await store.saveCatalog([{ isvId, kind, id, body: null, applied: store.applied(isvId, kind, id) }]);
}
