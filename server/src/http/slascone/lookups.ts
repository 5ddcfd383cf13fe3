/** Look-ups of licences, for backends (P10–P12, and one licence by its id). */
import { Type } from "typebox";
import type { License } from "../../catalog/entities.ts";
import type { Assignment } from "../../core/types.ts";
import { knownLicense, reachesLicense, requireProduct } from "../access.ts";
import { entityAnswer } from "../admin/change.ts";
import { type Answer, json } from "../answer.ts";
import { uuid, uuidOrNull } from "../input.ts";
import { listedMax } from "../limits.ts";
import { plainNames } from "../names.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { denied } from "./answers.ts";
import { described, isExpired, licenseDto } from "./dto.ts";
import { licensesOfKey } from "./license-keys.ts";
import * as schemas from "./schemas.ts";

const answers = { 200: Type.Array(schemas.License), 409: schemas.Refusal };

export function lookupRoutes(services: Services): Route[] {
  return [byLicense(services), byCustomer(services), byUser(services), oneLicense(services)];
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
      const found = licensesOfKey(store.catalog, call.vendor, call.body.license_key ?? "").filter(
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
      if (customer === undefined) return finish(denied("customer_unknown", call));
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
      const productId = uuid(body.product_id);
      if (!vendor.products.has(productId)) return finish(denied("product_unknown", call));
      requireProduct(call, productId);
      const now = store.now();
      const found = new Map<License, Assignment>();
      for (const { licenseId, assignment } of await store.assignmentsOfUser(call.isvId, productId, body.user_id)) {
        const license = vendor.licenses.get(licenseId);
        if (license === undefined || !reachesLicense(call.key, license)) continue;
        if (!isWanted(license, body.active_licenses_only, now)) continue;
        // A user may have several clients on a licence; one that holds its token speaks for the user.
        if (assignment.unassignedAt === null || !found.has(license)) found.set(license, assignment);
      }
      // The one user in the answer is the one that was asked for.
      finish(
        json([...found].map(([license, user]) => licenseDto(described(vendor, license), [user], now, plainNames))),
      );
    },
  });
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
      const users: Assignment[] = [];
      for (const assignment of view?.terms.clientType === "users" ? view.assignments() : []) {
        if (users.length >= listedMax) break;
        users.push(assignment);
      }
      finish(entityAnswer(license, licenseDto(described(call.vendor, license), users, store.now(), call.names)));
    },
  });
}

function isWanted(license: License, activeOnly: boolean | null | undefined, now: number): boolean {
  return activeOnly !== true || (license.is_active && !isExpired(license, now));
}

function listOf(call: KeyedCall, licenses: readonly License[], now: number): Answer {
  return json(licenses.map((license) => licenseDto(described(call.vendor, license), [], now, call.names)));
}
