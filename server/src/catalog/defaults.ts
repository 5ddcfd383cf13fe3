/** What an entity is before anybody has said anything of it: for tenant files and for the API alike. */
import { checkoutPeriodDefaultMax } from "../core/limits.ts";
import type { Kind } from "./entities.ts";
import { entityField, entrySchemas } from "./tenant-schema.ts";

/** The defaults of the schema, and the few that hang on another field; `said` are the fields that somebody gives. */
export function newBody(kind: Kind, id: string, said: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const body: Record<string, unknown> = { id };
  for (const [field, schema] of Object.entries(entrySchemas[kind].properties)) {
    if ("default" in schema) body[entityField(field)] = schema.default;
  }
  if (kind === "key") body.response_signature = said.role === "provisioning" ? "rsa" : "none";
  if (kind === "edition") {
    const isProjects = said.client_type === "projects";
    const hasNoSessions = said.provisioning_mode === "named" && said.client_type === "devices";
    body.session_period = hasNoSessions ? null : isProjects ? 2 : 60;
    body.max_checkout_period = isProjects ? 0 : checkoutPeriodDefaultMax;
  }
  return body;
}
