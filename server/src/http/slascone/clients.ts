/** Clients: activation, heartbeat, unassignment, and a look at one licence (P1, P3, P7, P8). */
import type { License, Product } from "../../catalog/entities.ts";
import { quotaStatuses } from "../../core/decide/quotas.ts";
import type { Outcome } from "../../core/step.ts";
import type { Assignment, LicenseView, Millis } from "../../core/types.ts";
import { newIds } from "../../ids.ts";
import { isBound, reachesLicense, requireLicense } from "../access.ts";
import { clientChanged } from "../admin/acts.ts";
import { json } from "../answer.ts";
import { isUuid, uuid, uuidOrNull } from "../input.ts";
import { onceDecided } from "../problem.ts";
import { type Finish, type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { answerOf, denied, licenseInfoAnswer } from "./answers.ts";
import { isExpired } from "./dto.ts";
import { asOf } from "./known-clients.ts";
import { resolveAnyLicenseKey, resolveLicenseKey } from "./license-keys.ts";
import { ActivateClient, AddHeartbeat, LicenseInfo, Refusal, Sentence, Unassign, Validate } from "./schemas.ts";

export function clientRoutes(services: Services): Route[] {
  return [activationRoute(services), heartbeatRoute(services), unassignRoute(services), validateRoute(services)];
}

function activationRoute({ desk, store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/provisioning/activations",
    reach: "app",
    tag: "Clients",
    summary: "Activate a client",
    description:
      "Assigns one of the licence's tokens to a client and answers with the licence and the client's `token_key`. On a floating licence activation is not limited and precedes the first session of a device. A client that is active on another licence of the same product and customer moves here.",
    body: ActivateClient,
    answers: { 200: LicenseInfo, 409: Refusal },
    async handle(call, finish) {
      const activation = await activationOf(store, call, call.body);
      if ("denial" in activation) return finish(denied(activation.denial, call));
      const { command, resolved } = activation;
      desk.submit([command], ([outcome]) => finishWithInfo(store, call, resolved?.license, outcome, finish));
    },
  });
}

/**
 * What an activation asks of the desk, or its denial where it names what is not there.
 * @throws Problem (403) beyond the key's bounds.
 */
export async function activationOf(store: Services["store"], call: KeyedCall, body: ActivateClient) {
  const product = call.vendor.products.get(uuid(body.product_id));
  if (product === undefined) return { denial: "product_unknown" } as const;
  const resolved = await resolveLicenseKey(store, call, product, body.license_key);
  if (resolved === "legacy_key_ambiguous") return { denial: resolved } as const;
  if (resolved !== undefined) {
    requireLicense(call, resolved.license.id);
    await requireMove(store, call, resolved.license, body.client_id);
  }
  // A licence of another product is none of this one's: to the desk it would be a licence like any other.
  if (resolved === undefined && call.vendor.licenses.has(uuid(body.license_key)))
    return { denial: "license_unknown" } as const;
  const command = {
    type: "activate",
    isvId: call.isvId,
    // A key that nobody knows goes to the desk as it is: the rules deny it, and the denial is on record.
    licenseId: resolved?.license.id ?? (isUuid(body.license_key) ? uuid(body.license_key) : body.license_key),
    clientId: body.client_id,
    clientName: textOrNull(body.client_name),
    clientDescription: textOrNull(body.client_description),
    softwareVersion: textOrNull(body.software_version),
    tokenKey: resolved?.tokenKey ?? null,
    ids: newIds(),
  } as const;
  return { command, resolved };
}

/**
 * An activation takes the client's token from another licence of the same product and customer.
 * @throws Problem (403) where the key's bounds do not include that one.
 */
async function requireMove(
  store: Services["store"],
  call: KeyedCall,
  license: License,
  clientId: string,
): Promise<void> {
  if (!isBound(call.key)) return;
  const clients = await store.assignmentsOfClient(call.isvId, license.product_id, clientId);
  for (const { licenseId, assignment } of asOf(store.now(), call.vendor, clients)) {
    const isMoved =
      call.vendor.licenses.get(licenseId)?.customer_id === license.customer_id && licenseId !== license.id;
    if (isMoved && assignment.unassignedAt === null) requireLicense(call, licenseId);
  }
}

function heartbeatRoute({ desk, store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/provisioning/heartbeats",
    isHot: true,
    reach: "app",
    tag: "Clients",
    summary: "Send a heartbeat",
    description:
      "Tells that the client is there and answers with how its licence stands. An expired or inactive licence does not fail a heartbeat: `is_license_valid` tells. A client that was never activated is denied with 2006: activate it, then.",
    body: AddHeartbeat,
    answers: { 200: LicenseInfo, 409: Refusal },
    async handle(call, finish) {
      const { body } = call;
      const product = call.vendor.products.get(uuid(body.product_id));
      if (product === undefined) return finish(denied("product_unknown", call));
      const type = uuidOrNull(body.heartbeat_type_id);
      if (type !== null && !product.heartbeat_types.some(({ id }) => id === type)) {
        return finish(denied("heartbeat_type_unknown", call));
      }
      const tokenKey = uuidOrNull(body.token_key);
      const license = await licenseOfTeller(store, call, product.id, { clientId: body.client_id, tokenKey });
      if (typeof license === "string") return finish(denied(license, call));
      const command = {
        type: "heartbeat",
        isvId: call.isvId,
        licenseId: license.id,
        clientId: body.client_id,
        tokenKey,
        userId: body.user_id ?? null,
        softwareVersion: textOrNull(body.software_version),
        operatingSystem: textOrNull(body.operating_system),
      } as const;
      desk.submit([command], ([outcome]) => finishWithInfo(store, call, license, outcome, finish));
    },
  });
}

function unassignRoute({ desk, store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/provisioning/unassign",
    reach: "app",
    role: "operator",
    tag: "Clients",
    summary: "Unassign a client's token",
    description:
      "Takes the token from its client; the client's sessions end with it. Whoever knows the token key may do so.",
    body: Unassign,
    answers: { 200: Sentence, 409: Refusal },
    async handle(call, finish) {
      const tokenKey = uuid(call.body.token_key);
      const licenseId = await store.licenseOfToken(call.isvId, tokenKey);
      if (licenseId === undefined) return finish(denied("token_unknown", call));
      requireLicense(call, licenseId);
      const command = { type: "unassign", isvId: call.isvId, licenseId, tokenKey } as const;
      const outcome = await desk.decide(command, clientChanged(call, licenseId, "client.unassigned"));
      finish(answerOf(outcome, call, () => json("Token unassigned.")));
    },
  });
}

function validateRoute({ store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/provisioning/validate",
    reach: "app",
    role: "viewer",
    tag: "Clients",
    summary: "Look at a licence by its key",
    description: "Answers with the licence as it stands; nothing is activated and nobody's token is shown.",
    body: Validate,
    answers: { 200: LicenseInfo, 409: Refusal },
    async handle(call, finish) {
      const resolved = (await resolveAnyLicenseKey(store, call, call.body.license_key)) ?? "license_unknown";
      if (typeof resolved === "string") return finish(denied(resolved, call));
      requireLicense(call, resolved.license.id);
      const view = await store.read(call.isvId, resolved.license.id);
      const now = store.now();
      finish(licenseInfoAnswer(call, resolved.license, view ? { quotas: quotaStatuses(view, now) } : {}, now, view));
    },
  });
}

/** The licence, after what was asked was granted. Administrators are told more of it, for which the store is read. */
function finishWithInfo(
  store: Services["store"],
  call: KeyedCall,
  license: License | undefined,
  outcome: Outcome | Error | undefined,
  finish: Finish,
): void {
  const answer = (view: LicenseView | undefined) =>
    answerOf(outcome, call, (granted) => {
      if (license === undefined) throw new Error("something was granted on a licence that nobody knows");
      // Looked up again after the commit: an administrator may have changed the licence meanwhile.
      const current = call.vendor.licenses.get(license.id) ?? license;
      return licenseInfoAnswer(call, current, granted, store.now(), view);
    });
  if (license === undefined || call.key.role !== "admin") finish(answer(undefined));
  else onceDecided(() => store.read(call.isvId, license.id)).then((view) => finish(answer(view)), finish);
}

/** Whoever tells something. */
interface Teller {
  readonly clientId: string;
  readonly tokenKey: string | null;
}

/** The licence that whoever tells something is on: that of its token key, else that of its client. */
export async function licenseOfTeller(
  store: Services["store"],
  call: KeyedCall,
  productId: string,
  { clientId, tokenKey }: Teller,
): Promise<License | "token_unknown" | "client_unknown"> {
  if (tokenKey !== null) return (await licenseOfToken(store, call, productId, tokenKey)) ?? "token_unknown";
  return (await licenseOfClient(store, call, productId, clientId)) ?? "client_unknown";
}

/**
 * Of the products that have a part which somebody tells of, the one that whoever tells is a client of: two may have a part of one
 * id. The first, where it is one of none.
 */
export async function productOfTeller(
  store: Services["store"],
  call: KeyedCall,
  products: readonly Product[],
  teller: Teller,
): Promise<Product | undefined> {
  const inOrder = products.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  for (const product of inOrder.length > 1 ? inOrder : []) {
    if (typeof (await licenseOfTeller(store, call, product.id, teller)) !== "string") return product;
  }
  return inOrder[0];
}

/** The licence of a token key, which must be of the product. */
async function licenseOfToken(store: Services["store"], call: KeyedCall, productId: string, tokenKey: string) {
  const licenseId = await store.licenseOfToken(call.isvId, tokenKey);
  const license = licenseId === undefined ? undefined : call.vendor.licenses.get(licenseId);
  if (license?.product_id !== productId) return undefined;
  requireLicense(call, license.id);
  return license;
}

/**
 * The licence that a client's heartbeat is for: one that holds a token for it before one that once did, a temporary
 * licence before the one that it stands beside while it runs and after it from then on, then the one activated last; of
 * several that were activated together the first by its id.
 * Licences beyond the key's bounds are not looked at.
 */
async function licenseOfClient(store: Services["store"], call: KeyedCall, productId: string, clientId: string) {
  const now = store.now();
  let best: { readonly license: License; readonly rank: readonly number[] } | undefined;
  const clients = await store.assignmentsOfClient(call.isvId, productId, clientId);
  for (const { licenseId, assignment } of asOf(now, call.vendor, clients)) {
    const license = call.vendor.licenses.get(licenseId);
    if (license === undefined || !reachesLicense(call.key, license)) continue;
    const isTemporary = call.vendor.editions.get(license.edition_id)?.is_temporary === true;
    const rank = rankOf(license, isTemporary, assignment, now);
    if (best === undefined || isHigher(rank, best.rank)) best = { license, rank };
  }
  return best?.license;
}

function rankOf(license: License, isTemporary: boolean, assignment: Assignment, now: Millis): readonly number[] {
  const isRunning = license.is_active && !isExpired(license, now);
  const precedence = !isTemporary ? 1 : isRunning ? 2 : 0;
  return [Number(assignment.unassignedAt === null), precedence, assignment.activatedAt];
}

function isHigher(rank: readonly number[], other: readonly number[]): boolean {
  const n = rank.findIndex((value, place) => value !== other[place]);
  return n >= 0 && (rank[n] as number) > (other[n] as number);
}

function textOrNull(text: string | null | undefined): string | null {
  return text == null || text.trim() === "" ? null : text;
}
