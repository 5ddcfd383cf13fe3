/** Forgetting a user: a pseudonym takes the place of the name wherever it stands, and whatever is counted stays. */
import { Type } from "typebox";
import { fold } from "../../core/names.ts";
import type { Session } from "../../core/types.ts";
import { CatalogConflict } from "../../stores/store.ts";
import { callerStill } from "../access.ts";
import { sessionEnded } from "../admin/acts.ts";
import { authorOf } from "../admin/author.ts";
import { inUse } from "../admin/fit.ts";
import { slicesOf } from "../admin/slices.ts";
import { json } from "../answer.ts";
import { Maybe, Name } from "../input.ts";
import { onceDecided, Problem } from "../problem.ts";
import { type KeyedCall, keyed, type Route, type Services } from "../route.ts";

const Forget = Type.Object(
  {
    user_id: Name("The user, by the name that stands in sessions, clients and history.", "anna@factor.com"),
    force: Maybe(Type.Boolean({ description: "End the user's live sessions first." })),
  },
  { additionalProperties: false },
);
const Forgotten = Type.Object({
  pseudonym: Type.String({ description: "What stands in the place of the name from now on." }),
  sessions_ended: Type.Integer(),
});

export function userRoutes(services: Services): Route[] {
  const { store, pseudonyms } = services;
  return [
    keyed({
      method: "POST",
      path: "/users/forget",
      reach: "admin",
      tag: "Users",
      summary: "Forget a user",
      description:
        "Replaces the name by a pseudonym in history, clients and sessions; nothing that is counted changes. So are the ids of the user's clients that have the name in them. Refused (409 `entity_in_use`) while the user has a live session, unless `force` ends them. Who comes back is a new user. May be asked for again.",
      body: Forget,
      answers: { 200: Forgotten },
      async handle(call, finish) {
        const user = call.body.user_id;
        const pseudonym = pseudonyms.of(call.isvId, user);
        await store.refresh();
        const { licenseIds, clientIds } = await tracesOf(services, call, user);
        const live = await liveSessions(services, call, licenseIds, user, clientIds);
        if (live.length > 0 && call.body.force !== true) {
          throw inUse(live.map(({ session }) => ({ kind: "session", id: session.id, name: pseudonym })));
        }
        // To look through all licences may take a while, and nothing of what follows can be undone.
        callerStill(store.catalog, call.isvId, call.key, "admin", "owner");
        const ended = await endAll(services, call, live);
        const names = new Map([user, ...clientIds].map((name) => [fold(name), pseudonyms.of(call.isvId, name)]));
        const about = { act: "user.forgotten", kind: "user", id: pseudonym, before: null, after: null } as const;
        const line = { at: store.now(), isvId: call.isvId, author: authorOf(call), ...about };
        try {
          // Sessions may have ended by now, and a store that fails at this may have forgotten a part.
          await onceDecided(() => store.forget(call.isvId, names, line));
        } catch (error) {
          if (!(error instanceof CatalogConflict)) throw error;
          throw new Problem("entity_in_use", "The user has opened a session meanwhile. Ask again.");
        }
        finish(json({ pseudonym, sessions_ended: ended }));
      },
    }),
  ];
}

/** The licences that know the user, and the ids of clients that have the user's name in them. */
async function tracesOf({ store }: Services, { isvId, vendor }: KeyedCall, user: string) {
  const licenseIds = new Set<string>();
  const clientIds = new Set<string>();
  for (const productId of vendor.products.keys()) {
    for (const { licenseId } of await store.assignmentsOfClient(isvId, productId, user)) licenseIds.add(licenseId);
    for (const { licenseId, assignment } of await store.assignmentsOfUser(isvId, productId, user)) {
      licenseIds.add(licenseId);
      if (fold(assignment.clientId).includes(fold(user))) clientIds.add(assignment.clientId);
    }
  }
  return { licenseIds, clientIds };
}

interface Live {
  readonly licenseId: string;
  readonly session: Session;
}

async function liveSessions(
  { store, desk }: Services,
  { isvId }: KeyedCall,
  licenseIds: Iterable<string>,
  user: string,
  clientIds: ReadonlySet<string>,
): Promise<Live[]> {
  const names = new Set([user, ...clientIds].map(fold));
  const live: Live[] = [];
  for (const licenseId of licenseIds) {
    // What has lapsed is released first.
    await desk.decide({ type: "sweep", isvId, licenseId });
    const license = await store.read(isvId, licenseId);
    if (license === undefined) continue;
    const isOfUser = (session: Session) => {
      const isNamed = session.userId !== null && names.has(fold(session.userId));
      return isNamed || (license.terms.clientType !== "devices" && names.has(fold(session.clientId)));
    };
    for await (const slice of slicesOf(store, license, license.sessions())) {
      const found = slice.filter((session) => session.endedAt === null && isOfUser(session));
      live.push(...found.map((session) => ({ licenseId, session })));
    }
  }
  return live;
}

/** Answers with how many it has ended. What is denied is over already, or gone with its licence: nobody has it any more. */
async function endAll({ desk }: Services, call: KeyedCall, live: readonly Live[]): Promise<number> {
  let ended = 0;
  for (const { licenseId, session } of live) {
    const command = { type: "end", isvId: call.isvId, licenseId, id: session.id } as const;
    const { granted } = await onceDecided(
      () => desk.decide(command, sessionEnded(call, licenseId, session.id)),
      ended > 0,
    );
    ended += granted?.ended ?? 0;
  }
  return ended;
}
