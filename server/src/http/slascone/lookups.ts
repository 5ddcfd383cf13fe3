/** Look-ups of licences, for backends (P10–P12, section 5, and one licence by its id). */
import { Type } from "typebox";
import type { License } from "../../catalog/entities.ts";
import { assignedAt, assignmentAt } from "../../core/decide/assignments.ts";
import { fold } from "../../core/names.ts";
import type { LicenseView, Millis } from "../../core/types.ts";
import { knownLicense, reachesCustomer, reachesLicense, reachesProduct, requireProduct } from "../access.ts";
import { entityAnswer } from "../admin/change.ts";
import { slicesOf } from "../admin/slices.ts";
import { type Answer, json, noContent } from "../answer.ts";
import { uuid, uuidOrNull } from "../input.ts";
import { licensesLookedAtMax, listedMax } from "../limits.ts";
import { plainNames, requireNames } from "../names.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { denied } from "./answers.ts";
import { described, isExpired, type KnownUser, licenseDto, userOf } from "./dto.ts";
import { asOf } from "./known-clients.ts";
import { licensesOfKey } from "./license-keys.ts";
import * as schemas from "./schemas.ts";

const answers = { 200: Type.Array(schemas.License), 409: schemas.Refusal };

export function lookupRoutes(services: Services): Route[] {
  return [
    byLicense(services),
    byCustomer(services),
    byUser(services),
    oneLicense(services),
    customerByNumber(services),
    productByName(services),
    licensesForClient(services),
  ];
}

function byLicense({ store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/provisioning/licenses/by_license",
    reach: "backend",
    role: "viewer",
    tag: "Look-ups",
    summary: "Find licences by id or legacy key",
    description:
      "How a backend maps what it knows (an order number, or the domain of a user's mail address) to a licence. Nothing found is a denial, 2007.",
    body: schemas.ByLicense,
    answers,
    handle(call, finish) {
      const productId = uuidOrNull(call.body.product_id);
      if (productId !== null && !call.vendor.products.has(productId)) return finish(denied("product_unknown", call));
      if (productId !== null) requireProduct(call, productId);
      const found = licensesOfKey(call.vendor, call.body.license_key ?? "").filter(
        (license) => reachesLicense(call.key, license) && (productId === null || license.product_id === productId),
      );
      finish(found.length === 0 ? denied("legacy_key_unknown", call) : listOf(call, found, store.now()));
    },
  });
}

function byCustomer({ store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/provisioning/licenses/by_customer",
    reach: "backend",
    role: "viewer",
    tag: "Look-ups",
    summary: "Find a customer's licences",
    body: schemas.ByCustomer,
    answers,
    handle(call, finish) {
      const { vendor, body } = call;
      const productId = uuid(body.product_id);
      if (!vendor.products.has(productId)) return finish(denied("product_unknown", call));
      requireProduct(call, productId);
      const customer = vendor.customerByNumber(body.customer_number);
      if (customer === undefined || !reachesCustomer(call, customer.id))
        return finish(denied("customer_unknown", call));
      const now = store.now();
      const found = [...vendor.licenses.values()].filter(
        (license) =>
          license.customer_id === customer.id &&
          license.product_id === productId &&
          reachesLicense(call.key, license) &&
          isWanted(license, body.active_licenses_only, now),
      );
      finish(listOf(call, found, now));
    },
  });
}

function byUser({ store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/provisioning/licenses/by_user",
    reach: "backend",
    role: "viewer",
    tag: "Look-ups",
    summary: "Find a user's licences",
    description: "Licences on which the user is known, each with this one user in `license_users`.",
    body: schemas.ByUser,
    answers,
    async handle(call, finish) {
      const { vendor, body } = call;
      requireNamesOfAdmin(call);
      const productId = uuid(body.product_id);
      if (!vendor.products.has(productId)) return finish(denied("product_unknown", call));
      requireProduct(call, productId);
      const now = store.now();
      const found = new Map<License, KnownUser>();
      for (const [license, user] of await usersByName(store, call, productId)) {
        if (reachesLicense(call.key, license) && isWanted(license, body.active_licenses_only, now)) {
          // Whoever may not see names is told the one that it has asked for, and no other.
          found.set(license, call.names.areHidden ? { ...user, userId: body.user_id, name: body.user_id } : user);
        }
      }
      // The one user in the answer is the one that was asked for.
      finish(
        json([...found].map(([license, user]) => licenseDto(described(vendor, license), [user], now, plainNames))),
      );
    },
  });
}

/** The licences of a product on which the user is known, and as whom: registered before known by a client. */
async function usersByName(store: Services["store"], call: KeyedCall<{ readonly user_id: string }>, productId: string) {
  const { vendor, isvId, body } = call;
  const found = new Map<License, KnownUser>();
  const ofProduct = (licenseId: string) => {
    const license = vendor.licenses.get(licenseId);
    return license?.product_id === productId ? license : undefined;
  };
  const clients = await store.assignmentsOfUser(isvId, productId, body.user_id);
  for (const { licenseId, assignment } of asOf(store.now(), vendor, clients)) {
    const license = ofProduct(licenseId);
    const user = userOf(assignment);
    if (license !== undefined && speaks(user, found.get(license))) found.set(license, user);
  }
  const key = fold(body.user_id);
  for (const licenseId of (await store.licensesOfItem(isvId, "user", key)).slice(0, listedMax)) {
    const license = ofProduct(licenseId);
    const user = license && (await store.read(isvId, licenseId))?.user(key);
    if (license !== undefined && user !== undefined) found.set(license, user);
  }
  return found;
}

function oneLicense({ store }: Services): Route {
  return keyed({
    method: "GET",
    path: "/licenses/:license_id",
    reach: "backend",
    tag: "Licences",
    summary: "Look at one licence",
    params: schemas.LicenseParams,
    answers: { 200: schemas.License },
    async handle(call, finish) {
      const license = knownLicense(call, call.params.license_id);
      const view = await store.read(call.isvId, license.id);
      const users = view === undefined ? [] : await usersOf(store, view);
      finish(entityAnswer(license, licenseDto(described(call.vendor, license), users, store.now(), call.names)));
    },
  });
}

function customerByNumber(_: Services): Route {
  return keyed({
    method: "POST",
    path: "/lookup/customer",
    reach: "backend",
    role: "viewer",
    tag: "Look-ups",
    summary: "Find a customer's id by its number",
    body: schemas.CustomerLookup,
    answers: { 200: schemas.IdAlone, 204: Type.Null() },
    handle(call, finish) {
      const found = call.vendor.customerByNumber(call.body.customer_number);
      finish(found !== undefined && reachesCustomer(call, found.id) ? json(found.id) : noContent);
    },
  });
}

function productByName(_: Services): Route {
  return keyed({
    method: "POST",
    path: "/lookup/product",
    reach: "backend",
    role: "viewer",
    tag: "Look-ups",
    summary: "Find a product's id by its name",
    body: schemas.ProductLookup,
    answers: { 200: schemas.IdAlone, 204: Type.Null() },
    handle(call, finish) {
      const found = [...call.vendor.products.values()].find(({ name }) => name === call.body.product_name);
      finish(found !== undefined && reachesProduct(call, found.id) ? json(found.id) : noContent);
    },
  });
}

function licensesForClient({ store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/lookup/licenses",
    reach: "backend",
    role: "viewer",
    tag: "Look-ups",
    summary: "Find a customer's licences on which a client is active, or could be",
    description:
      "Those on which the client is active; if there are none, those that can be used and have a token for it. None of either is a denial, 4001.",
    body: schemas.LicensesLookup,
    answers: { 200: Type.Array(schemas.IdAlone), 409: schemas.Refusal },
    async handle(call, finish) {
      const { vendor, body, isvId } = call;
      requireNamesOfAdmin(call);
      const productId = uuid(body.product_id);
      if (!vendor.products.has(productId)) return finish(denied("product_unknown", call));
      const customer = vendor.customerByNumber(body.customer_number);
      if (customer === undefined || !reachesCustomer(call, customer.id))
        return finish(denied("customer_unknown", call));
      const now = store.now();
      const ofLegacyKey = body.legacy_key == null ? null : vendor.licensesByLegacyKey(body.legacy_key);
      const isAsked = (license: License) =>
        license.customer_id === customer.id &&
        license.product_id === productId &&
        (ofLegacyKey === null || ofLegacyKey.includes(license)) &&
        reachesLicense(call.key, license) &&
        isWanted(license, true, now);
      const asked = [...vendor.licenses.values()].filter(isAsked);
      const known = asOf(now, vendor, await store.assignmentsOfClient(isvId, productId, body.client_id));
      const activeOn = new Set(
        known.filter(({ assignment }) => assignment.unassignedAt === null).map(({ licenseId }) => licenseId),
      );
      const active = asked.filter(({ id }) => activeOn.has(id));
      const found =
        active.length > 0 ? active : await withToken(store, isvId, asked.slice(0, licensesLookedAtMax), now);
      finish(found.length === 0 ? denied("customer_without_token", call) : json(found.map(({ id }) => id)));
    },
  });
}

/** Applications ask for their own users. An administrator who may not see names must not try them out. */
function requireNamesOfAdmin({ key, names }: KeyedCall): void {
  if (key.role === "admin") requireNames(names);
}

/** Those of the licences that have a token for one more client. */
async function withToken(store: Services["store"], isvId: string, licenses: readonly License[], now: Millis) {
  const views = await Promise.all(licenses.map(({ id }) => store.read(isvId, id)));
  return licenses.filter((_, n) => hasToken(views[n], now));
}

/** A floating licence activates whoever comes. */
function hasToken(view: LicenseView | undefined, now: Millis): boolean {
  if (view === undefined) return false;
  const { provisioningMode, tokenLimit, goodwillTokenLimit } = view.terms;
  return provisioningMode === "floating" || assignedAt(view, now) < tokenLimit + goodwillTokenLimit;
}

/** Whom a licence knows: registered users, then those of its clients, where it counts users. */
async function usersOf(store: Services["store"], view: LicenseView): Promise<KnownUser[]> {
  const users = new Map<string, KnownUser>();
  const add = (key: string, user: KnownUser) => {
    if (users.has(key) || users.size < listedMax) users.set(key, user);
  };
  for (const user of view.users()) add(user.key, user);
  if (view.terms.clientType !== "users") return [...users.values()];
  for await (const clients of slicesOf(store, view, view.assignments())) {
    const now = store.now();
    for (const client of clients) {
      const user = userOf(assignmentAt(view.terms, client, now));
      const key = fold(user.userId);
      if (view.user(key) === undefined && speaks(user, users.get(key))) add(key, user);
    }
  }
  return [...users.values()];
}

/** A user may have several clients on a licence: one that holds its token speaks for the user, and of several the one activated last. */
function speaks(user: KnownUser, other: KnownUser | undefined): boolean {
  if (other === undefined) return true;
  if (user.isActive !== other.isActive) return user.isActive;
  const later = user.createdAt - other.createdAt || user.changedAt - other.changedAt;
  return later === 0 ? user.userId < other.userId : later > 0;
}

function isWanted(license: License, activeOnly: boolean | null | undefined, now: number): boolean {
  return activeOnly !== true || (license.is_active && !isExpired(license, now));
}

function listOf(call: KeyedCall, licenses: readonly License[], now: number): Answer {
  return json(licenses.map((license) => licenseDto(described(call.vendor, license), [], now, call.names)));
}
