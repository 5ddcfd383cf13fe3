/** The API document's frame. What stands in it comes from the routes and the schemas that validate. */
import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import { type TSchema, Type } from "typebox";
import type { Reach } from "./access.ts";
import { jsonType } from "./answer.ts";
import { isOfServer, pathsOf, type Route, roleOf } from "./route.ts";

const introduction = `A floating-licence server. An application opens a **session** to take a token of its licence, extends it by the same call while it runs, and closes it to give the token back; a session that is not extended lapses by itself.

Addresses under \`/api/v2/isv/{isv_id}\` are those of SLASCONE's API v2, so its published clients work against this server unchanged. A refused request is **409** with \`{"id", "message"}\`; send \`Accept: application/problem+json\` to be told more: a stable \`code\`, the \`limit\`, the tokens \`in_use\`, and when the next one is free. All other errors are problem details (RFC 9457).

Send \`Accept-Signature\` and \`Content-Digest\` to have an answer signed for your very request (RFC 9421, Ed25519; the keys are at \`/.well-known/jwks.json\`). Answers to keys with \`response_signature: rsa\` carry \`x-slascone-signature\`, and \`X-Nonce-Signature\` when the request had a nonce (\`X-Nonce\`) of 16 bytes in Base64, or a GUID.`;

export const documentOptions: FastifyDynamicSwaggerOptions = {
  refResolver: { buildLocalReference: ({ $id }) => $id as string },
  openapi: {
    openapi: "3.1.0",
    info: {
      title: "Seatkeeper",
      version: "2",
      description: introduction,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" } as { name: string },
    },
    tags: [
      { name: "Sessions", description: "Take, keep and give back tokens." },
      { name: "Clients", description: "Make clients known to a licence, and hear how it stands." },
      { name: "Projects", description: "On licences that count them: one token while somebody is connected." },
      { name: "Files", description: "For machines without a network: licences and activations as signed XML." },
      { name: "Look-ups", description: "For backends: from what they know to a licence." },
      { name: "Licences", description: "For administrators: what happens on a licence, and changing it." },
      { name: "Products", description: "For administrators: what licences are of." },
      { name: "Editions", description: "For administrators: how licences of a product behave." },
      { name: "Customers", description: "For administrators: who has licences." },
      { name: "Keys", description: "For owners: API keys." },
      { name: "Vendor", description: "For administrators: the vendor itself." },
      { name: "Users", description: "For owners: personal data." },
      { name: "Audit", description: "For administrators: who changed what." },
      { name: "Console", description: "Signing in to the console." },
      { name: "Denials", description: "For administrators: who was refused, and why." },
      {
        name: "Analytics",
        description: "For administrators: how many tokens were in use, and whether more are needed.",
      },
      { name: "Jobs", description: "Upkeep on demand." },
      { name: "Service", description: "The server itself." },
      { name: "Operator", description: "For whoever runs the server: copies of everything." },
      { name: "Sandbox", description: "Only in the sandbox." },
    ],
    components: {
      securitySchemes: {
        ProvisioningKey: {
          type: "apiKey",
          in: "header",
          name: "ProvisioningKey",
          description:
            "Scope `backend`: stays on a server. Scope `app`: ships inside software and reaches only what a client needs.",
        },
        OperatorKey: {
          type: "apiKey",
          in: "header",
          name: "OperatorKey",
          description: "The server's own setting: reaches what holds the data of all vendors.",
        },
        ClientToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "For browsers: minted by a backend for one licence and user, for some minutes.",
        },
        AdminKey: { type: "apiKey", in: "header", name: "AdminKey", description: "Reaches everything of its vendor." },
      },
    },
  },
};

const security: Readonly<Record<Reach, readonly Readonly<Record<string, readonly string[]>>[]>> = {
  public: [],
  app: [{ ProvisioningKey: [] }, { AdminKey: [] }],
  backend: [{ ProvisioningKey: [] }, { AdminKey: [] }],
  admin: [{ AdminKey: [] }],
  operator: [{ OperatorKey: [] }],
};

/** Stands in the document once, and is referred to wherever something can go wrong. */
export const ProblemDetails = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: "Stable: what a program looks at." }),
  },
  { $id: "ProblemDetails", description: "Problem details (RFC 9457)." },
);

const ofKeys = {
  400: "The input does not have the form that is asked for.",
  401: "The API key is missing, unknown or inactive.",
  403: "The API key does not reach this.",
  503: "Nothing of the request happened, unless the code is `outcome_unknown`. `Retry-After` says when to try again.",
} as const;
const ofPlaces = { 404: "There is no such thing." } as const;
const ofCatalogue = {
  makes: { 409: "Another one has this name, number or id already." },
  revises: {
    409: "Others depend on it, or another one has this name, number or id already.",
    412: "It is not, or no more, the one that `If-Match` names.",
  },
} as const;
const ofAll = { default: "What else is wrong with the request, or with the server." } as const;

const isvId = Type.String({ description: "The vendor.", examples: ["2af5fe02-6207-4214-946e-b00ac5309f53"] });
const ifMatch = Type.Object({
  "If-Match": Type.Optional(
    Type.String({ description: "The version that is changed: the `ETag` of an earlier answer." }),
  ),
});

/** A route's schema as Fastify and the document take it. `isShown`: false for what is an alias. */
export function fastifySchemaOf(route: Route, isShown: boolean) {
  return {
    ...(route.body && { body: route.body }),
    ...paramsOf(route),
    ...(route.query && { querystring: route.query }),
    ...(route.catalogue === "revises" && { headers: ifMatch }),
    response: { ...problemsOf(route), ...answersOf(route) },
    summary: route.summary,
    ...(description(route) !== "" && { description: description(route) }),
    tags: [route.tag],
    operationId: operationId(route),
    security: [...security[route.reach], ...(route.takesClientTokens ? [{ ClientToken: [] }] : [])],
    ...(route.reach !== "public" && { "x-admin-role": roleOf(route) }),
    hide: !isShown,
  };
}

/** Of all places in the path: where some are described, Fastify's plugin asks for nothing of the others. */
function paramsOf(route: Route) {
  if (route.params === null) return {};
  return { params: isOfServer(route) ? route.params : Type.Object({ isv_id: isvId, ...propertiesOf(route.params) }) };
}

function propertiesOf(schema: TSchema | null): Record<string, TSchema> {
  return (schema as { readonly properties?: Record<string, TSchema> } | null)?.properties ?? {};
}

function description(route: Route): string {
  const role = roleOf(route);
  const key = role === "viewer" ? "an AdminKey" : `an AdminKey of role \`${role}\``;
  const reach =
    route.reach === "backend"
      ? `Takes ${key}, or a ProvisioningKey of scope \`backend\`.`
      : route.reach === "admin" && role !== "viewer"
        ? `Takes ${key}.`
        : "";
  return [route.description ?? "", reach].filter((part) => part !== "").join("\n\n");
}

function answersOf(route: Route) {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, schema]) => [
      status,
      { description: descriptionOf(status), ...contentOf(route, status, schema) },
    ]),
  );
}

function descriptionOf(status: string): string {
  return status === "409"
    ? "Denied: the licence does not allow it."
    : status === "404"
      ? "There is no such thing."
      : "Done.";
}

function contentOf(route: Route, status: string, schema: object) {
  if (status === "204" || status === "302") return { type: "null" };
  if (status === "404") return { content: problem };
  // Whatever a good answer is, a denial is SLASCONE's JSON or problem details.
  if (status === "409") return { content: { [jsonType]: { schema }, ...problem } };
  const isTable = status === "200" && "format" in propertiesOf(route.query);
  const csv = isTable ? { "text/csv": { schema: Type.String() } } : {};
  return { content: { [route.answerType]: { schema }, ...csv } };
}

const problem = { "application/problem+json": { schema: Type.Ref("ProblemDetails#") } };

/** The errors that a route has by what it is. */
function problemsOf(route: Route) {
  const texts = {
    ...(route.reach !== "public" && ofKeys),
    ...(route.params !== null && ofPlaces),
    ...(route.catalogue !== null && ofCatalogue[route.catalogue]),
    ...ofAll,
  };
  return Object.fromEntries(
    Object.entries(texts).map(([status, text]) => [status, { description: text, content: problem }]),
  );
}

/** Stable names for generated clients: the method and the words of the path. */
function operationId(route: Route): string {
  const words = (pathsOf(route)[0] as string)
    .replace("/api/v2/isv/:isv_id", "")
    .split("/")
    .filter((part) => part !== "")
    .map((part) => part.replace(/^:/, "by_").replace(/[^A-Za-z0-9]+/g, "_"));
  return [route.method.toLowerCase(), ...words].join("_");
}
