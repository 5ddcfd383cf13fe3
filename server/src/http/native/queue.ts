/** The queue of a licence: who waits for a token, in the order in which they will have one. */
import { Type } from "typebox";
import { knownLicense } from "../access.ts";
import { json } from "../answer.ts";
import { clientOrNull, nameOrNull } from "../names.ts";
import { keyed, type Route, type Services } from "../route.ts";
import { instant } from "../slascone/dto.ts";
import { LicenseParams } from "../slascone/schemas.ts";

const time = Type.String({ format: "date-time" });
const maybeText = Type.Union([Type.String(), Type.Null()]);
const Waiting = Type.Object({
  position: Type.Integer({ description: "The place among those who wait for the same pool, from 1." }),
  pool: Type.Union([Type.Literal("floating"), Type.Literal("mono"), Type.Literal("team")]),
  client_id: maybeText,
  user_id: maybeText,
  project_id: Type.Union([Type.String(), Type.Null()], { description: "On a licence that counts projects." }),
  since: time,
  kept_until: Type.String({
    format: "date-time",
    description: "The place is lost unless it is asked for again by then.",
  }),
});

export function queueRoutes({ desk, store }: Services): Route[] {
  return [
    keyed({
      method: "GET",
      path: "/licenses/:license_id/queue",
      reach: "admin",
      tag: "Licences",
      summary: "List who waits for a token of a licence",
      description: "The first in line first. Callers take a place by opening with `wait_seconds`.",
      params: LicenseParams,
      answers: { 200: Type.Array(Waiting) },
      async handle(call, finish) {
        const { id } = knownLicense(call, call.params.license_id);
        // Places that are lost are given up first.
        await desk.decide({ type: "sweep", isvId: call.isvId, licenseId: id });
        const license = await store.read(call.isvId, id);
        const type = license?.terms.clientType;
        const positions = new Map<string, number>();
        const inOrder = [...(license?.tickets() ?? [])].toSorted((a, b) => a.no - b.no);
        const waiting = inOrder.map(({ key, pool, clientId, userId, takenAt, validUntil }) => {
          const position = (positions.get(pool) ?? 0) + 1;
          positions.set(pool, position);
          return {
            position,
            pool,
            client_id: clientOrNull(call.names, type === "devices", clientId),
            user_id: nameOrNull(call.names, userId),
            project_id: type === "projects" ? key : null,
            since: instant(takenAt),
            kept_until: instant(validUntil),
          };
        });
        finish(json(waiting));
      },
    }),
  ];
}
