/** Signing in to the console with an admin key, asking who is signed in, and signing out. */
import { Type } from "typebox";
import type { Catalog } from "../../catalog/catalog.ts";
import { adminRoleOf } from "../../catalog/entities.ts";
import { adminRoles } from "../access.ts";
import { type Answer, json, noContent } from "../answer.ts";
import { keyLengthMax } from "../limits.ts";
import type { Feed } from "../native/feed.ts";
import { Problem } from "../problem.ts";
import { open, type Route, type Services } from "../route.ts";
import { dataHeaders } from "../security.ts";
import { type ConsoleSessions, requireOwnPage, type SignedIn } from "./sessions.ts";

const SignIn = Type.Object(
  { admin_key: Type.String({ minLength: 1, maxLength: keyLengthMax, description: "An admin key's secret." }) },
  { additionalProperties: false },
);
const Session = Type.Object({
  isv_id: Type.String({ description: "The vendor: what the addresses of its calls begin with." }),
  isv_name: Type.String(),
  key_id: Type.String(),
  key_name: Type.String(),
  role: Type.Enum([...adminRoles]),
  valid_until: Type.String({ format: "date-time", description: "Unless it is used before then." }),
});

export function consoleRoutes({ store }: Services, sessions: ConsoleSessions, feed: Feed): Route[] {
  return [
    open({
      method: "POST",
      path: "/console/session",
      tag: "Console",
      summary: "Sign in with an admin key",
      description:
        "Answers with a cookie. Calls that carry it do what the key may do; those that change anything need the header `X-Requested-With` too, with any text.",
      body: SignIn,
      answers: { 200: Session },
      handle({ body, head }, finish) {
        requireOwnPage(head, true);
        const session = sessions.signIn(body.admin_key);
        finish(withCookie(json(sessionDto(store.catalog, session)), sessions.cookie(session, head)));
      },
    }),
    open({
      method: "GET",
      path: "/console/session",
      tag: "Console",
      summary: "Who is signed in?",
      answers: { 200: Session },
      handle({ head }, finish) {
        requireOwnPage(head, false);
        const session = sessions.of(head);
        if (session === null) throw new Problem("signed_out", "Sign in with an admin key.");
        const cookie = sessions.renewal(session, head);
        finish(withCookie(json(sessionDto(store.catalog, session)), cookie));
      },
    }),
    open({
      method: "DELETE",
      path: "/console/session",
      tag: "Console",
      summary: "Sign out",
      description: "Makes the browser forget its cookie, and ends what the session listens to on this server.",
      answers: { 204: Type.Null() },
      handle({ head }, finish) {
        requireOwnPage(head, true);
        const session = sessions.of(head);
        if (session !== null) feed.endOf(session.key.id, session.since);
        finish(withCookie(noContent, sessions.noCookie(head)));
      },
    }),
  ];
}

function withCookie(answer: Answer, cookie: string | null): Answer {
  return { ...answer, headers: [...dataHeaders, ...(cookie === null ? [] : ["Set-Cookie", cookie])] };
}

function sessionDto(catalog: Catalog, { isvId, key, until }: SignedIn) {
  return {
    isv_id: isvId,
    isv_name: catalog.vendor(isvId)?.isv.name,
    key_id: key.id,
    key_name: key.name,
    role: adminRoleOf(key),
    valid_until: new Date(until).toISOString(),
  };
}
