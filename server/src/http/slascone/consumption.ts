/** Consumption of limitations (P9 and section 5): heartbeats that consume, taking one back, and how quotas stand. */
import { Type } from "typebox";
import { quotaStatus, quotaStatuses } from "../../core/decide/quotas.ts";
import { microsPerUnit } from "../../core/limits.ts";
import type { Gathered, LicenseView } from "../../core/types.ts";
import { newId } from "../../ids.ts";
import { knownLicense, requireLicense } from "../access.ts";
import { audited } from "../admin/acts.ts";
import { json } from "../answer.ts";
import { millis, Uuid, uuid, uuidOrNull } from "../input.ts";
import { pageMax, pageSizeMax } from "../limits.ts";
import { clientOrNull, nameOrNull } from "../names.ts";
import { answerOfDenial } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { answerOf, denied } from "./answers.ts";
import { licenseOfTeller, productOfTeller } from "./clients.ts";
import { consumptionDto, instant } from "./dto.ts";
import { pageAsked } from "./gathering.ts";
import * as schemas from "./schemas.ts";

const LimitationParams = Type.Object({
  license_id: Uuid("The licence."),
  limitation_id: Uuid("One of its limitations."),
});

const PageQuery = Type.Object(
  {
    page: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax })),
    page_size: Type.Optional(Type.Integer({ minimum: 1, maximum: pageSizeMax })),
  },
  { additionalProperties: false },
);

export function consumptionRoutes(services: Services): Route[] {
  return [
    consumeRoute(services),
    rollBackRoute(services),
    validateRoute(services),
    balanceRoute(services),
    resetRoute(services),
    recalculateRoute(services),
    toldRoute(services),
  ];
}

function consumeRoute({ desk, store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/data_gathering/consumption_heartbeats",
    reach: "app",
    tag: "Consumption",
    summary: "Consume of limitations",
    description:
      "Each quantity is granted, with a `transaction_id`, or not, without one: then the quota has not as much left, and nothing was consumed. They are decided one after the other. A heartbeat whose answer was lost may have counted: `validate/consumption` tells.",
    body: schemas.ConsumptionHeartbeat,
    answers: { 200: Type.Array(schemas.Consumption), 409: schemas.Refusal },
    async handle(call, finish) {
      const { body, vendor } = call;
      const first = body.consumption_heartbeat[0];
      if (first === undefined) return finish(json([]));
      const limitationId = uuid(first.limitation_id);
      const having = [...vendor.products.values()].filter((each) =>
        each.limitations.some(({ id }) => id === limitationId),
      );
      const teller = { clientId: body.client_id, tokenKey: uuidOrNull(body.token_key) };
      const product = await productOfTeller(store, call, having, teller);
      if (product === undefined) return finish(denied("limitation_unknown", call));
      const license = await licenseOfTeller(store, call, product.id, teller);
      if (typeof license === "string") return finish(denied(license, call));
      const wanted = body.consumption_heartbeat.map((value) => ({
        limitationId: uuid(value.limitation_id),
        amount: Math.round(value.value * microsPerUnit),
        userId: value.user_id ?? null,
        externalId: value.external_id ?? null,
        happenedAt: value.timestamp_utc == null ? null : millis(value.timestamp_utc, "timestamp_utc"),
        transactionId: newId(),
      }));
      const place = { isvId: call.isvId, licenseId: license.id };
      desk.submit([{ type: "consume", ...place, ...teller, userId: null, wanted }], ([outcome]) =>
        finish(answerOf(outcome, call, ({ quotas }) => json(quotas.map(consumptionDto)))),
      );
    },
  });
}

function rollBackRoute({ desk, store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/data_gathering/consumption_heartbeats/rollback",
    reach: "app",
    tag: "Consumption",
    summary: "Take a consumption back",
    description:
      "Whoever knows the transaction may do so, once, while its period lasts: of each limitation the newest thousand can be taken back. What its client has given back since is not taken back as well.",
    body: schemas.ConsumptionTransaction,
    answers: { 200: schemas.Consumption, 409: schemas.Refusal },
    async handle(call, finish) {
      const transactionId = uuid(call.body.transaction_id);
      const [licenseId] = await store.licensesOfItem(call.isvId, "consumption", transactionId);
      if (licenseId === undefined) return finish(denied("transaction_unknown", call));
      requireLicense(call, licenseId);
      const limitationId = uuid(call.body.limitation_id);
      const command = { isvId: call.isvId, licenseId, limitationId, transactionId };
      desk.submit([{ type: "consumption.rollback", ...command }], ([outcome]) =>
        finish(answerOf(outcome, call, ({ quotas }) => json(quotas.map(consumptionDto)[0]))),
      );
    },
  });
}

function validateRoute({ store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/provisioning/validate/consumption",
    reach: "app",
    tag: "Consumption",
    summary: "Look how a limitation stands",
    description: "Consumes nothing, so the answer has no transaction.",
    body: schemas.ValidateConsumption,
    answers: { 200: schemas.Consumption, 409: schemas.Refusal },
    async handle(call, finish) {
      const licenseId = uuid(call.body.license_id);
      requireLicense(call, licenseId);
      const view = await store.read(call.isvId, licenseId);
      if (view === undefined) return finish(denied("license_unknown", call));
      finish(standingAnswer(call, view, uuid(call.body.limitation_id), store.now()));
    },
  });
}

function standingAnswer(call: KeyedCall, view: LicenseView, limitationId: string, now: number) {
  const status = quotaStatus(view, limitationId, now);
  if (status !== undefined) return json(consumptionDto(status));
  const isStatic = view.terms.limitations.some(({ id }) => id === limitationId);
  return denied(isStatic ? "limitation_static" : "limitation_unknown", call);
}

function balanceRoute({ store }: Services): Route {
  return keyed({
    method: "GET",
    path: "/licenses/:license_id/consumption/balance",
    reach: "backend",
    tag: "Consumption",
    summary: "Look how all limitations of a licence stand",
    params: schemas.LicenseParams,
    answers: { 200: Type.Array(schemas.Consumption) },
    async handle(call, finish) {
      const { id } = knownLicense(call, call.params.license_id);
      const view = await store.read(call.isvId, id);
      finish(json(view === undefined ? [] : quotaStatuses(view, store.now()).map(consumptionDto)));
    },
  });
}

function resetRoute({ desk }: Services): Route {
  return keyed({
    method: "PUT",
    path: "/licenses/:license_id/consumption/limitations/:limitation_id/reset",
    reach: "admin",
    role: "operator",
    tag: "Consumption",
    summary: "Begin a limitation's period anew",
    description: "Nothing counts as consumed from then on, and nothing that was can be taken back.",
    params: LimitationParams,
    answers: { 200: schemas.Consumption, 409: schemas.Refusal },
    async handle(call, finish) {
      const { id: licenseId } = knownLicense(call, call.params.license_id);
      const limitationId = uuid(call.params.limitation_id);
      const command = { type: "quota.reset", isvId: call.isvId, licenseId, limitationId } as const;
      const about = { act: "quota.reset", kind: "limitation", id: limitationId } as const;
      const { denial, granted } = await desk.decide(
        command,
        audited(call, licenseId, () => about),
      );
      if (denial !== null) return finish(answerOfDenial(denial, call));
      finish(json(granted?.quotas.map(consumptionDto)[0]));
    },
  });
}

function recalculateRoute({ store }: Services): Route {
  return keyed({
    method: "PUT",
    path: "/licenses/:license_id/consumption/limitations/:limitation_id/recalculate",
    reach: "admin",
    role: "operator",
    tag: "Consumption",
    summary: "Look how a limitation stands",
    description: "For SLASCONE's clients. What is left is exact at all times, so there is nothing to recalculate.",
    params: LimitationParams,
    answers: { 200: schemas.Consumption, 409: schemas.Refusal },
    async handle(call, finish) {
      const { id: licenseId } = knownLicense(call, call.params.license_id);
      const view = await store.read(call.isvId, licenseId);
      if (view === undefined) return finish(denied("license_unknown", call));
      finish(standingAnswer(call, view, uuid(call.params.limitation_id), store.now()));
    },
  });
}

function toldRoute({ store }: Services): Route {
  return keyed({
    method: "GET",
    path: "/licenses/:license_id/consumption/heartbeats",
    reach: "admin",
    tag: "Consumption",
    summary: "Read what was consumed of a licence's limitations",
    description:
      "Newest first, as long as it is kept, with its total in `X-Total-Count`. Without a `transaction_id` it was refused; what was taken back stands here again, with its sign turned.",
    params: schemas.LicenseParams,
    query: PageQuery,
    answers: { 200: Type.Array(schemas.ConsumptionTold) },
    async handle(call, finish) {
      const { id: licenseId } = knownLicense(call, call.params.license_id);
      const all = { clientId: null, subjectId: null, from: null, to: null, ...pageAsked(call.query) };
      const asked = { isvId: call.isvId, licenseId, kind: "consumption", ...all } as const;
      const { items, total } = await store.gathered(asked);
      const listed = items.map((value) => consumptionToldDto(value, call));
      finish({ ...json(listed), headers: ["X-Total-Count", String(total)] });
    },
  });
}

function consumptionToldDto(value: Gathered, { names, vendor }: Pick<KeyedCall, "names" | "vendor">) {
  return {
    limitation_id: value.subjectId,
    client_id: clientOrNull(names, vendor.countsDevices(value.licenseId), value.clientId),
    user_id: nameOrNull(names, value.userId),
    value: (value.amount ?? 0) / microsPerUnit,
    transaction_id: value.transactionId,
    external_id: value.externalId,
    timestamp_utc: value.happenedAt === null ? null : instant(value.happenedAt),
    created_date_utc: instant(value.at),
  };
}
