/** What administrators do to licences: sessions, assignments, the switch of a licence, the jobs. AdminKeys alone. */
import { type Static, Type } from "typebox";
import type { Assignment } from "../../core/types.ts";
import { knownLicense, requireLicense } from "../access.ts";
import { clientChanged, endAllSessions, sessionEnded } from "../admin/acts.ts";
import { changeEntity, requireEntity } from "../admin/change.ts";
import { byKey, FirstOnes, slicesOf } from "../admin/slices.ts";
import { json, noContent } from "../answer.ts";
import { millis, Note, Uuid, uuid, uuidOrNull } from "../input.ts";
import { listedMax, operatingSystemsAskedMax, pageMax } from "../limits.ts";
import { answerOfDenial, onceDecided, Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";
import { denied } from "./answers.ts";
import { assignmentDto, sessionDto } from "./dto.ts";
import { licenseOfKey } from "./license-keys.ts";
import * as schemas from "./schemas.ts";

const AssignmentParams = Type.Object({
  license_id: Uuid("The licence."),
  assignment_id: Uuid("The `id` of the assignment."),
});
/** Members of an assignment that the list can be sorted by: texts, as the caller is shown them. */
const assignmentOrders = [
  "activated_date_utc",
  "client_id",
  "device_name",
  "operating_system",
  "software_version",
] as const;
const AssignmentQuery = Type.Object(
  {
    operating_systems: Type.Optional(
      Type.Array(Note("Clients of these operating systems; may stand several times."), {
        maxItems: operatingSystemsAskedMax,
      }),
    ),
    version_number: Type.Optional(Note("Clients of this version of the software.")),
    sort_option: Type.Optional(Type.Enum([...assignmentOrders], { description: "`activated_date_utc` if left out." })),
    descending: Type.Optional(Type.Boolean()),
    include_analytical_heartbeats: Type.Optional(
      Type.Boolean({ description: "Taken and not used: GET data_gathering/heartbeats has what clients told." }),
    ),
    page: Type.Optional(Type.Integer({ minimum: 1, maximum: pageMax })),
    page_size: Type.Optional(
      Type.Integer({ minimum: 1, maximum: listedMax, description: `${listedMax} if left out.` }),
    ),
  },
  { additionalProperties: false },
);
type AssignmentQuery = Static<typeof AssignmentQuery>;

/** Licences that one look of the job asks the store for. */
const licensesPerLook = 1_000;

/** Looks of one job: a million licences. What is left, the next job or the sweeper finds. */
const looksMax = 1_000;

export function adminRoutes(services: Services): Route[] {
  return [
    listSessions(services),
    closeSessions(services),
    endSession(services),
    listAssignments(services),
    readAssignment(services),
    changeAssignment(services),
    unassign(services),
    toggleLicense(services),
    deleteInactiveSessions(services),
    validateExpirationDates(),
    healthCheck(services),
  ];
}

function listSessions({ desk, store }: Services): Route {
  return keyed({
    method: "GET",
    path: "/licenses/:license_id/opensessions",
    reach: "admin",
    tag: "Licences",
    summary: "List the open sessions of a licence",
    params: schemas.LicenseParams,
    answers: { 200: Type.Array(schemas.Session) },
    async handle(call, finish) {
      const { id: licenseId } = knownLicense(call, call.params.license_id);
      await desk.decide({ type: "sweep", isvId: call.isvId, licenseId });
      const license = await store.read(call.isvId, licenseId);
      const now = store.now();
      if (license === undefined) throw new Problem("license_unknown", "The licence has been deleted meanwhile.");
      const live = license
        .due(Number.POSITIVE_INFINITY, listedMax)
        .filter(({ endedAt }) => endedAt === null)
        .toSorted((a, b) => a.openedAt - b.openedAt || (a.id < b.id ? -1 : 1));
      finish(json(live.map((session) => sessionDto(license, session, now, call.names))));
    },
  });
}

function closeSessions(services: Services): Route {
  return keyed({
    method: "POST",
    path: "/licenses/:license_id/opensessions/close",
    reach: "admin",
    role: "operator",
    tag: "Licences",
    summary: "End all open sessions of a licence",
    description: "Their tokens are free at once; the same sessions are denied (14004) until their old ends.",
    params: schemas.LicenseParams,
    body: schemas.CloseAll,
    isBodyOptional: true,
    answers: { 204: Type.Null(), 409: schemas.Refusal },
    async handle(call, finish) {
      const licenseId = uuid(call.params.license_id);
      const named = uuidOrNull((call.body as typeof call.body | undefined)?.license_id);
      if (named !== null && named !== licenseId) {
        throw new Problem("input_invalid", "license_id: must be the licence in the address, or be left out");
      }
      requireLicense(call, licenseId);
      const { denial } = await endAllSessions(services, call, licenseId);
      if (denial !== null) return finish(answerOfDenial(denial, call));
      finish(noContent);
    },
  });
}

function endSession({ desk }: Services): Route {
  return keyed({
    method: "DELETE",
    path: "/licenses/:license_id/opensessions/:session_id",
    reach: "admin",
    role: "operator",
    tag: "Licences",
    summary: "End one open session",
    description: "Takes the `id` of the listed session, so that sessions without a `session_id` can be ended too.",
    params: schemas.SessionParams,
    answers: { 204: Type.Null(), 409: schemas.Refusal },
    async handle(call, finish) {
      const licenseId = uuid(call.params.license_id);
      requireLicense(call, licenseId);
      const id = uuid(call.params.session_id);
      const command = { type: "end", isvId: call.isvId, licenseId, id } as const;
      const { denial } = await desk.decide(command, sessionEnded(call, licenseId, id));
      if (denial !== null) return finish(answerOfDenial(denial, call));
      finish(noContent);
    },
  });
}

function listAssignments({ store }: Services): Route {
  return keyed({
    method: "GET",
    path: "/licenses/:license_id/assignments",
    reach: "admin",
    tag: "Licences",
    summary: "List the clients that a licence knows",
    params: schemas.LicenseParams,
    query: AssignmentQuery,
    answers: { 200: Type.Array(schemas.Assignment) },
    async handle(call, finish) {
      const { id: licenseId } = knownLicense(call, call.params.license_id);
      const license = await store.read(call.isvId, licenseId);
      if (license === undefined) throw new Problem("license_unknown", "The licence has been deleted meanwhile.");
      const { page = 1, page_size: size = listedMax } = call.query;
      const { sort_option: member = "activated_date_utc", descending = false } = call.query;
      const dto = (assignment: Assignment) => assignmentDto(license.terms, assignment, store.now(), call.names);
      const first = new FirstOnes<Listed>(page * size, byKey(descending));
      for await (const slice of slicesOf(store, license, license.assignments())) {
        const found = slice.filter((assignment) => isAsked(assignment, call.query));
        // By what is shown: whoever may not see names must not learn their order either.
        const key = (assignment: Assignment) => dto(assignment)[member as (typeof assignmentOrders)[number]] ?? "";
        first.add(found.map((assignment) => ({ assignment, id: assignment.id, key: key(assignment) })));
      }
      const listed = first.from((page - 1) * size).map(({ assignment }) => dto(assignment));
      finish({ ...json(listed), headers: ["X-Total-Count", String(first.total)] });
    },
  });
}

interface Listed {
  readonly assignment: Assignment;
  readonly id: string;
  readonly key: string;
}

function isAsked({ operatingSystem, softwareVersion }: Assignment, asked: AssignmentQuery): boolean {
  const { operating_systems: systems, version_number: version } = asked;
  return (
    (systems === undefined || (operatingSystem !== null && systems.includes(operatingSystem))) &&
    (version === undefined || softwareVersion === version)
  );
}

function readAssignment({ store }: Services): Route {
  return keyed({
    method: "GET",
    path: "/licenses/:license_id/assignments/:assignment_id",
    reach: "admin",
    tag: "Licences",
    summary: "Look at one client of a licence",
    params: AssignmentParams,
    answers: { 200: schemas.Assignment, 404: Type.Object({}) },
    async handle(call, finish) {
      const { license, assignment } = await assignmentIn(store, call);
      finish(json(assignmentDto(license.terms, assignment, store.now(), call.names)));
    },
  });
}

function unassign({ desk, store }: Services): Route {
  return keyed({
    method: "DELETE",
    path: "/licenses/:license_id/assignments/:assignment_id",
    reach: "admin",
    role: "operator",
    tag: "Licences",
    summary: "Unassign a client's token",
    description: "Its sessions end with it. The client stays known, and may be activated again.",
    params: AssignmentParams,
    answers: { 204: Type.Null(), 404: Type.Object({}), 409: schemas.Refusal },
    async handle(call, finish) {
      const { license, assignment } = await assignmentIn(store, call);
      const { licenseId } = license.terms;
      const command = { type: "unassign", isvId: call.isvId, licenseId, tokenKey: assignment.tokenKey } as const;
      const { denial } = await desk.decide(command, clientChanged(call, licenseId, "client.unassigned"));
      if (denial !== null) return finish(answerOfDenial(denial, call));
      finish(noContent);
    },
  });
}

async function assignmentOfId(store: Services["store"], call: KeyedCall, licenseId: string, id: string) {
  const license = await store.read(call.isvId, licenseId);
  if (license === undefined) return undefined;
  const found = license.assignmentOfId(id);
  return found === undefined ? undefined : assignmentDto(license.terms, found, store.now(), call.names);
}

/** @throws Problem (404) where the licence knows no client by this assignment. */
async function assignmentIn(store: Services["store"], call: KeyedCall<unknown, Static<typeof AssignmentParams>>) {
  const { id } = knownLicense(call, call.params.license_id);
  const license = await store.read(call.isvId, id);
  const assignment = license?.assignmentOfId(uuid(call.params.assignment_id));
  if (license === undefined || assignment === undefined) {
    throw new Problem("entity_unknown", "The licence has no assignment of this id.");
  }
  return { license, assignment };
}

function changeAssignment({ desk, store }: Services): Route {
  return keyed({
    method: "PUT",
    path: "/licenses/:license_id/assignments",
    reach: "admin",
    role: "operator",
    tag: "Licences",
    summary: "Suspend a client, or lift its suspension",
    params: schemas.LicenseParams,
    body: schemas.ChangeAssignment,
    answers: { 200: schemas.Assignment, 409: schemas.Refusal },
    async handle(call, finish) {
      const licenseId = uuid(call.params.license_id);
      requireLicense(call, licenseId);
      const { id, suspended_until_utc: until } = call.body;
      if (until === undefined) {
        const asItStands = await assignmentOfId(store, call, licenseId, uuid(id));
        return finish(asItStands === undefined ? denied("client_unknown", call) : json(asItStands));
      }
      const command = {
        type: "suspend",
        isvId: call.isvId,
        licenseId,
        assignmentId: uuid(id),
        until: until === null ? null : millis(until, "suspended_until_utc"),
      } as const;
      const line = clientChanged(call, licenseId, "client.suspended", { suspended_until_utc: until });
      const { denial, granted } = await desk.decide(command, line);
      if (denial !== null) return finish(answerOfDenial(denial, call));
      const terms = (await onceDecided(() => store.read(call.isvId, licenseId)))?.terms;
      if (granted?.assignment == null || terms === undefined) throw new Error("a suspension without its assignment");
      finish(json(assignmentDto(terms, granted.assignment, store.now(), call.names)));
    },
  });
}

function toggleLicense({ store }: Services): Route {
  return keyed({
    method: "POST",
    path: "/provisioning/licenses/state/toggle",
    reach: "admin",
    tag: "Licences",
    summary: "Activate or deactivate a licence",
    body: schemas.ToggleState,
    answers: {
      200: Type.Object({
        product_id: Type.String(),
        license_id: Type.String(),
        legacy_license_key: Type.Union([Type.String(), Type.Null()]),
        is_active: Type.Boolean(),
      }),
      409: schemas.Refusal,
    },
    async handle(call, finish) {
      const { body, vendor } = call;
      const productId = uuid(body.product_id);
      if (!vendor.products.has(productId)) return finish(denied("product_unknown", call));
      const license = licenseOfKey(vendor, productId, body.license_key) ?? "license_unknown";
      if (typeof license === "string") return finish(denied(license, call));
      requireLicense(call, license.id);
      await changeEntity(store, call, "license", license.id, (current) => ({
        ...requireEntity(current, "license"),
        is_active: body.is_active,
      }));
      finish(
        json({
          product_id: productId,
          license_id: license.id,
          legacy_license_key: license.legacy_license_key,
          is_active: body.is_active,
        }),
      );
    },
  });
}

function deleteInactiveSessions({ desk, store }: Services): Route {
  return keyed({
    method: "PUT",
    path: "/administration/deleteinactivesessions",
    reach: "admin",
    role: "operator",
    tag: "Jobs",
    summary: "Write off sessions that are over",
    description:
      "Nobody's token waits for this: what is over counts as free at its instant. It only brings the history up to date.",
    answers: { 200: schemas.Sentence },
    async handle(call, finish) {
      const until = store.now();
      let count = 0;
      for (let look = 0; look < looksMax; look++) {
        const due = await store.dueLicenses(until, licensesPerLook, call.isvId);
        if (due.length === 0) break;
        await Promise.all(due.map(({ isvId, licenseId }) => desk.decide({ type: "sweep", isvId, licenseId })));
        count += due.length;
      }
      finish(json(`Licences brought up to date: ${count}.`));
    },
  });
}

function validateExpirationDates(): Route {
  return keyed({
    method: "PUT",
    path: "/administration/validatelicensesexpirationdate",
    reach: "admin",
    role: "operator",
    tag: "Jobs",
    summary: "Does nothing: licences end at their instant",
    description: "Whether a licence has expired is a comparison with the clock, so nothing waits for a job.",
    answers: { 200: schemas.Sentence },
    handle: (_call, finish) => finish(json("Licences end at their instant; there is nothing to do.")),
  });
}

function healthCheck({ store }: Services): Route {
  return keyed({
    method: "GET",
    path: "/administration/healthcheck",
    reach: "admin",
    tag: "Jobs",
    summary: "Does the store answer?",
    description: "For whoever has a key and no way to `/readyz`.",
    answerType: "text/plain",
    answers: { 200: Type.String({ examples: ["Healthy"] }) },
    async handle(_call, finish) {
      await store.ping();
      finish({ status: 200, contentType: "text/plain; charset=utf-8", body: "Healthy", headers: [] });
    },
  });
}
