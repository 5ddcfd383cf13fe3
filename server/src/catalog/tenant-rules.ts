/** What fields have to do with one another: checked on entities as they will be, told where the file says it. */
import type { Catalog, Vendor } from "./catalog.ts";
import type { Edition, EntityOf, Key, Kind, License } from "./entities.ts";
import type { Merged } from "./tenant-apply.ts";
import { type Fault, quote } from "./tenant-faults.ts";

/**
 * Checks one vendor's entities, but only those that the files change: what an administrator made of the rest was the
 * administrator's to decide, and must not keep the server from starting.
 */
export function checkVendor(vendor: Vendor | undefined, merged: readonly Merged[]): Fault[] {
  const faults: Fault[] = [];
  const editions = new Map(vendor?.editions);
  for (const item of merged) if (isOf("edition", item)) editions.set(item.body.id, item.body);
  for (const item of merged) {
    if (item.written.size === 0) continue;
    const tell: Tell = (field, text) => faults.push(item.resolved.entry.fault(field === null ? [] : [field], text));
    if (isOf("edition", item)) checkEdition(item, tell);
    if (isOf("license", item)) checkLicense(item, vendor, editions, tell);
    if (isOf("key", item)) checkKey(item.body, tell);
  }
  faults.push(...checkNames(vendor, merged));
  return faults;
}

/** `field` null: the entry as a whole. */
type Tell = (field: string | null, text: string) => void;

function isOf<K extends Kind>(kind: K, merged: Merged): merged is Merged<K> {
  return merged.kind === kind;
}

/** Live sessions and assignments were made under these: with another value they would mean something else. */
const lasting = {
  product: "product_id",
  provisioning_mode: "provisioning_mode",
  client_type: "client_type",
  is_temporary: "is_temporary",
} as const;

function checkEdition({ current, body, written }: Merged<"edition">, tell: Tell): void {
  const changed = Object.entries(lasting).filter(
    ([field, place]) => current !== undefined && written.has(field) && current[place] !== body[place],
  );
  for (const [field, place] of changed) {
    tell(field, `cannot change (it is ${quote(current?.[place])}); describe another edition`);
  }
  if (changed.length === 0) checkSessionFields(body, tell);
}

function checkSessionFields(edition: Edition, tell: Tell): void {
  const isNamed = edition.provisioning_mode === "named";
  const isDevices = edition.client_type === "devices";
  if (isNamed && isDevices) {
    if (edition.session_period !== null) tell("session_period", "named devices have no sessions: leave it out");
    if (edition.heartbeats_extend_sessions)
      tell("heartbeats_extend_sessions", "named devices have no sessions: leave it out");
  } else if (edition.session_period === null) {
    tell("session_period", "sessions need a period: want minutes");
  }
  if (isNamed && edition.activate_on_open === true) {
    tell("activate_on_open", "opening never takes a named token: somebody assigns it");
  }
  if (edition.client_type === "projects") {
    if (isNamed) tell("provisioning_mode", "projects take floating tokens: want floating");
  } else {
    for (const [field, isSet] of [
      ["default_project_kind", edition.default_project_kind !== null],
      ["allow_kind_switch", edition.allow_kind_switch],
      ["mono_same_user", edition.mono_same_user !== "refuse"],
    ] as const) {
      if (isSet) tell(field, `is for projects alone; the edition counts ${edition.client_type}`);
    }
  }
  if (isDevices && edition.one_session_per_user) tell("one_session_per_user", "is for users licences alone");
}

function checkLicense(
  { current, body, written }: Merged<"license">,
  vendor: Vendor | undefined,
  editions: ReadonlyMap<string, Edition>,
  tell: Tell,
): void {
  const edition = editions.get(body.edition_id);
  if (edition === undefined)
    throw new Error(`licence ${body.id}: its edition ${body.edition_id} was resolved and is gone`);
  const old = current === undefined ? undefined : vendor?.editions.get(current.edition_id);
  if (old !== undefined && written.has("edition")) checkEditionChange(old, edition, tell);
  if (body.allowed_user_domains.length > 0 && edition.client_type !== "users") {
    tell(
      "allowed_user_domains",
      `is for users licences alone; edition ${quote(edition.name)} counts ${edition.client_type}`,
    );
  }
  const countsProjects = edition.client_type === "projects";
  if (countsProjects && body.project_tokens === null) tell("project_tokens", "a project licence needs it");
  if (!countsProjects && body.project_tokens !== null) {
    tell(
      "project_tokens",
      `is for project licences alone; edition ${quote(edition.name)} counts ${edition.client_type}`,
    );
  }
  checkDates(body, tell);
}

function checkEditionChange(old: Edition, edition: Edition, tell: Tell): void {
  const differs = (["product_id", "provisioning_mode", "client_type", "is_temporary"] as const).find(
    (field) => old[field] !== edition[field],
  );
  if (differs === undefined) return;
  tell(
    "edition",
    `cannot change from ${quote(old.name)} to ${quote(edition.name)}: ${differs.replace("_id", "")} of both must be the same`,
  );
}

function checkDates({ start_date_utc: start, expiration_date_utc: end }: License, tell: Tell): void {
  if (start === null || end === null || Date.parse(start) < Date.parse(end)) return;
  tell("expiration_date_utc", `want an instant after start_date_utc, ${start}`);
}

function checkKey(key: Key, tell: Tell): void {
  if (key.role !== "admin") return;
  for (const [field, isBound] of [
    ["scope", key.scope === "app"],
    ["product", key.product_id !== null],
    ["customer", key.customer_id !== null],
    ["license", key.license_id !== null],
  ] as const) {
    if (isBound) tell(field, "is for provisioning keys alone: an admin key may do everything");
  }
}

/** Things that are found by name must not share one, whoever gave it. */
function checkNames(vendor: Vendor | undefined, merged: readonly Merged[]): Fault[] {
  const idsByName = new Map<string, Set<string>>();
  const renewed = new Set(merged.map(({ kind, body }) => `${kind}/${body.id}`));
  const kept = storedThings(vendor).filter(([kind, { id }]) => !renewed.has(`${kind}/${id}`));
  for (const [kind, body] of [...kept, ...merged.map(({ kind, body }) => [kind, body] as const)]) {
    const name = nameKey(kind, body);
    if (name !== null) idsByName.set(name, (idsByName.get(name) ?? new Set()).add(body.id));
  }
  return merged.flatMap(({ kind, body, written, resolved }) => {
    const field = kind === "customer" ? "number" : "name";
    const ids = idsByName.get(nameKey(kind, body) ?? "") ?? [];
    const other = [...ids].find((id) => id !== body.id);
    if (other === undefined || !written.has(field)) return [];
    return [resolved.entry.fault([field], `is that of ${kind} ${other} already; to mean that one, write its id`)];
  });
}

function storedThings(vendor: Vendor | undefined): (readonly [Kind, EntityOf[Kind]])[] {
  if (vendor === undefined) return [];
  const { keys, products, editions, customers } = vendor;
  return [
    ...[...keys.values()].map((body) => ["key", body] as const),
    ...[...products.values()].map((body) => ["product", body] as const),
    ...[...editions.values()].map((body) => ["edition", body] as const),
    ...[...customers.values()].map((body) => ["customer", body] as const),
  ];
}

function nameKey(kind: Kind, body: EntityOf[Kind]): string | null {
  if (kind === "isv" || kind === "license") return null;
  if ("number" in body) return `${kind}/${body.number}`;
  return "provisioning_mode" in body ? `${kind}/${body.product_id}/${body.name}` : `${kind}/${body.name}`;
}

/** A secret must say whose it is, over all vendors: of two keys with one secret the second would take over the first. */
export function checkSecrets(catalog: Catalog, merged: readonly Merged[]): Fault[] {
  const keys = merged.filter((item) => isOf("key", item));
  const secrets = new Map<string, string>();
  for (const { isv, keys: stored } of catalog.vendors()) {
    for (const key of stored.values()) secrets.set(`${isv.id}/${key.id}`, key.secret_sha256);
  }
  for (const { isvId, body } of keys) secrets.set(`${isvId}/${body.id}`, body.secret_sha256);
  const uses = new Map<string, number>();
  for (const hash of secrets.values()) uses.set(hash, (uses.get(hash) ?? 0) + 1);
  return keys
    .filter(({ body, written }) => written.has("secret_sha256") && (uses.get(body.secret_sha256) ?? 0) > 1)
    .map(({ resolved }) => resolved.entry.fault([], "has the secret of another key: every key needs its own"));
}
