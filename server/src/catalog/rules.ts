/**
 * What fields of an entity have to do with one another and with what is there. Tenant files and the admin API are held
 * to the same rules; each tells a fault in its own words for the field.
 */
import { foldedLegacyKey, type Vendor } from "./catalog.ts";
import type { Edition, EntityOf, Key, Kind, License, Product } from "./entities.ts";
import { partIdsUsed, partsOf } from "./parts.ts";
import { quote } from "./tenant-faults.ts";

/** `field`: of the entity. `number`: SLASCONE's of the refusal, where it has one. */
export type Tell = (field: string, text: string, number?: number) => void;

/** Live sessions and assignments were made under these: with another value they would mean something else. */
const lasting = ["product_id", "provisioning_mode", "client_type", "is_temporary"] as const;

/** `current` undefined: the edition is new. */
export function checkEdition(current: Edition | undefined, edition: Edition, tell: Tell): void {
  const changed = lasting.filter((field) => current !== undefined && current[field] !== edition[field]);
  for (const field of changed)
    tell(field, `cannot change (it is ${quote(current?.[field])}); describe another edition`);
  if (changed.length === 0) checkSessionFields(edition, tell);
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
  const capsCheckouts = [
    ["max_checked_out_tokens", edition.max_checked_out_tokens != null],
    ["checkout_reserve", (edition.checkout_reserve ?? 0) > 0],
  ] as const;
  for (const [field, isSet] of capsCheckouts) {
    if (isNamed && isSet) tell(field, "is for floating licences alone: a named token is nobody else's");
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

/** SLASCONE's numbers for parts that the product has not. */
const unknownNumbers = { features: 3001, limitations: 3003, variables: 3002, constrained_variables: 3002 } as const;

/** Whether what an edition or licence says of its product's parts is true of them. */
export function checkParts(product: Product, owner: Edition | License, tell: Tell): void {
  const of = `product ${quote(product.name)}`;
  for (const list of ["features", "limitations", "variables", "constrained_variables"] as const) {
    const ids = partIdsUsed(owner, list);
    const known = new Set<string>(partsOf(product, list).map(({ id }) => id));
    const lost = ids.find((id) => !known.has(id));
    if (lost !== undefined)
      tell(list, `${of} has no ${list.slice(0, -1).replace("_", " ")} ${lost}`, unknownNumbers[list]);
    if (new Set(ids).size < ids.length) tell(list, "names one of them twice");
  }
  const [release] = partIdsUsed(owner, "software_release_limitations");
  const releases = partsOf(product, "software_release_limitations");
  if (release !== undefined && !releases.some(({ id }) => id === release)) {
    tell("software_release_limitation_id", `${of} has no software release limitation ${release}`, 1004);
  }
  for (const limitation of owner.limitations ?? []) {
    const needsDays = limitation.consumption_reset_mode === "days";
    if (needsDays && limitation.consumption_reset_period_days === undefined) {
      tell("limitations", "periods of days need consumption_reset_period_days");
    }
  }
  checkChoices(product, owner, tell);
}

function checkChoices(product: Product, { constrained_variables: chosen = [] }: Edition | License, tell: Tell): void {
  for (const { id, values } of chosen) {
    const variable = partsOf(product, "constrained_variables").find((one) => one.id === id);
    if (variable === undefined || variable.values.length === 0) continue;
    const wrong = values.find((value) => !variable.values.includes(value));
    if (wrong !== undefined) tell("constrained_variables", `${quote(wrong)} is no value of ${quote(variable.name)}`);
  }
}

/** `old`: the edition that the licence had; undefined: it is new. */
export function checkLicense(license: License, edition: Edition, old: Edition | undefined, tell: Tell): void {
  if (old !== undefined && old.id !== edition.id) checkEditionChange(old, edition, tell);
  const counts = `edition ${quote(edition.name)} counts ${edition.client_type}`;
  if (license.allowed_user_domains.length > 0 && edition.client_type !== "users") {
    tell("allowed_user_domains", `is for users licences alone; ${counts}`);
  }
  const countsProjects = edition.client_type === "projects";
  if (countsProjects && license.project_tokens === null) tell("project_tokens", "a project licence needs it");
  if (!countsProjects && license.project_tokens !== null) {
    tell("project_tokens", `is for project licences alone; ${counts}`);
  }
  checkDates(license, tell);
}

function checkEditionChange(old: Edition, edition: Edition, tell: Tell): void {
  const differs = lasting.find((field) => old[field] !== edition[field]);
  if (differs === undefined) return;
  tell(
    "edition_id",
    `cannot change from ${quote(old.name)} to ${quote(edition.name)}: ${differs.replace("_id", "")} of both must be the same`,
  );
}

function checkDates({ start_date_utc: start, expiration_date_utc: end }: License, tell: Tell): void {
  if (start === null || end === null || Date.parse(start) < Date.parse(end)) return;
  tell("expiration_date_utc", `want an instant after start_date_utc, ${start}`);
}

export function checkKey(key: Key, tell: Tell): void {
  if (key.role !== "admin") {
    if (key.admin_role !== undefined) tell("admin_role", "is for admin keys alone");
    return;
  }
  for (const [field, isBound] of [
    ["scope", key.scope === "app"],
    ["product_id", key.product_id !== null],
    ["customer_id", key.customer_id !== null],
    ["license_id", key.license_id !== null],
  ] as const) {
    if (isBound) tell(field, "is for provisioning keys alone: an admin key may do everything");
  }
}

/**
 * What must be one entity's alone within a vendor: a name that it is found by; of a licence its legacy key, within the
 * product. Null: it has none.
 */
export function nameKey(kind: Kind, body: EntityOf[Kind]): string | null {
  if (kind === "isv") return null;
  if ("legacy_license_key" in body) {
    const key = body.legacy_license_key;
    return key === null ? null : `${kind}/${body.product_id}/${foldedLegacyKey(key)}`;
  }
  if ("number" in body) return `${kind}/${body.number}`;
  return "provisioning_mode" in body ? `${kind}/${body.product_id}/${body.name}` : `${kind}/${body.name}`;
}

/** The entity's field that it is found by. */
export function nameField(kind: Kind): "number" | "name" | "legacy_license_key" {
  return kind === "customer" ? "number" : kind === "license" ? "legacy_license_key" : "name";
}

/** Another entity of the same kind and name; undefined: there is none. */
export function namesake(vendor: Vendor, kind: Kind, body: EntityOf[Kind]): EntityOf[Kind] | undefined {
  const name = nameKey(kind, body);
  if (name === null) return undefined;
  for (const other of candidates(vendor, kind, body)) {
    if (other.id !== body.id && nameKey(kind, other) === name) return other;
  }
  return undefined;
}

/** Licences are the many: they are looked up. */
function* candidates(vendor: Vendor, kind: Kind, body: EntityOf[Kind]): Iterable<EntityOf[Kind]> {
  if ("legacy_license_key" in body) yield* vendor.licensesByLegacyKey(body.legacy_license_key ?? "");
  else for (const [of, other] of vendor.entities()) if (of === kind) yield other;
}
