/**
 * Writes client/src/api.ts and console/src/api/types.ts: the bodies that the TypeScript client and the console send and
 * read, as docs/reference/openapi.json has them. With `--check` it writes nothing, and ends with status 1 when one of the
 * files is stale.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly (string | number)[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

interface Body {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Operation {
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body>>;
}

/** A call, and how its reader calls the body that is sent and the one that is answered. */
type Used = readonly (readonly [method: string, path: string, sent: string, answered: string])[];

const usedByClient: Used = [
  ["post", "provisioning/session/open", "SessionBody", "SessionAnswer"],
  ["post", "provisioning/session/close", "CloseBody", ""],
  ["post", "provisioning/session/batch", "BatchBody", "BatchAnswer"],
  ["post", "provisioning/client-tokens", "ClientTokenBody", "ClientTokenAnswer"],
  ["post", "provisioning/activations", "ActivationBody", "LicenseStatus"],
  ["post", "provisioning/heartbeats", "HeartbeatBody", ""],
  ["post", "provisioning/licenses/by_license", "LookUpBody", "FoundLicenses"],
  ["get", "licenses/{license_id}/tokens", "", "TokensAnswer"],
  ["post", "projects", "ProjectBody", ""],
  ["get", "projects/{project_id}", "", "ProjectAnswer"],
  ["get", "projects/{project_id}/progress", "", "ProgressAnswer"],
  ["post", "projects/{project_id}/executions", "ExecutionBody", "ExecutionAnswer"],
  ["patch", "projects/{project_id}/executions/{execution_id}", "ReportBody", ""],
];

const usedByConsole: Used = [
  ["get", "/console/session", "", "SignedIn"],
  ["get", "analytics/overview", "", "Overview"],
  ["get", "analytics/usage", "", "Usage"],
  ["get", "analytics/denials", "", "DenialChart"],
  ["get", "analytics/denials/holders", "", "DeniedHolders"],
  ["get", "analytics/denials/licenses", "", "DeniedLicenses"],
  ["get", "analytics/heatmap", "", "HeatMap"],
  ["get", "analytics/holders", "", "Holders"],
  ["get", "analytics/signs", "", "Signs"],
  ["get", "analytics/advice", "", "Advice"],
  ["get", "denials", "", "DenialLog"],
  ["get", "licenses", "", "LicensePage"],
  ["post", "licenses", "NewLicense", "License"],
  ["patch", "licenses", "ChangedLicense", ""],
  ["get", "licenses/{license_id}/sessions", "", "SessionPage"],
  ["get", "licenses/{license_id}/queue", "", "Queue"],
  ["get", "licenses/{license_id}/assignments", "", "Clients"],
  ["get", "licenses/{license_id}/tokens", "", "Pools"],
  ["get", "licenses/{license_id}/events", "", "LicenseEvents"],
  ["get", "licenses/{license_id}/consumption/balance", "", "Balance"],
  ["get", "products/{product_id}", "", "Product"],
  ["post", "templates", "NewEdition", "Edition"],
  ["patch", "templates", "ChangedEdition", ""],
  ["get", "customers/{customer_id}", "", "Customer"],
  ["get", "projects/{project_id}", "", "Project"],
  ["get", "keys", "", "KeyPage"],
  ["post", "keys", "NewKey", "CreatedKey"],
  ["get", "vendor", "", "Vendor"],
  ["get", "audit", "", "AuditPage"],
];

const place = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { paths } = JSON.parse(readFileSync(place("docs/reference/openapi.json"), "utf8")) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};

function typeOf(schema: Schema, indent: string): string {
  const partsOf = (type: string) => (type.includes("{") ? [type] : type.split(" | "));
  const union = (types: readonly string[]) => [...new Set(types.flatMap(partsOf))].join(" | ");
  if (schema.enum !== undefined) return union(schema.enum.map((value) => JSON.stringify(value)));
  if (schema.anyOf !== undefined) return union(schema.anyOf.map((part) => typeOf(part, indent)));
  if (schema.allOf !== undefined) return typeOf(merged(schema.allOf), indent);
  if (schema.type === "array") {
    const item = typeOf(schema.items ?? {}, indent);
    return `readonly ${/^[\w ]+$|}$/.test(item) ? item : `(${item})`}[]`;
  }
  const { additionalProperties: named } = schema;
  if (typeof named === "object") return `Readonly<Record<string, ${typeOf(named, indent)}>>`;
  if (schema.type === "object") return membersOf(schema, indent);
  if (schema.type === "integer") return "number";
  return schema.type ?? "unknown";
}

function merged(parts: readonly Schema[]): Schema {
  const flat = parts.map((part) => (part.allOf === undefined ? part : merged(part.allOf)));
  return {
    type: "object",
    required: flat.flatMap(({ required = [] }) => required),
    properties: Object.assign({}, ...flat.map(({ properties }) => properties)),
  };
}

function membersOf({ properties = {}, required = [] }: Schema, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).flatMap(([name, schema]) => {
    const said = schema.description ?? schema.anyOf?.[0]?.description;
    const member = `readonly ${name}${required.includes(name) ? "" : "?"}: ${typeOf(schema, inner)};`;
    return said === undefined ? [inner + member] : [`${inner}/** ${said} */`, inner + member];
  });
  return ["{", ...lines, `${indent}}`].join("\n");
}

function bodyOf(name: string, body: Body | undefined): string {
  const schema = body?.content?.["application/json"]?.schema;
  if (schema === undefined) throw new Error(`the document has no body for ${name}`);
  return `export type ${name} = ${typeOf(schema, "")};\n`;
}

function bodiesOf(used: Used): string {
  const bodies = used.flatMap(([method, path, sent, answered]) => {
    const operation = paths[path.startsWith("/") ? path : `/api/v2/isv/{isv_id}/${path}`]?.[method];
    if (operation === undefined) throw new Error(`the document has no ${method} ${path}`);
    const answer = operation.responses["200"] ?? operation.responses["201"];
    return [
      ...(sent === "" ? [] : [bodyOf(sent, operation.requestBody)]),
      ...(answered === "" ? [] : [bodyOf(answered, answer)]),
    ];
  });
  return formatted([head, ...bodies].join("\n"));
}

/** As the formatter of the repository would have it. */
function formatted(source: string): string {
  return execFileSync(place("node_modules/.bin/biome"), ["format", "--stdin-file-path=types.ts"], {
    input: source,
    encoding: "utf8",
  });
}

const head = "/** Made by scripts/client-types.ts from docs/reference/openapi.json. Edit neither: `npm run docs`. */\n";
const { values: options } = parseArgs({ options: { check: { type: "boolean", default: false } } });
for (const [path, used] of [
  ["client/src/api.ts", usedByClient],
  ["console/src/api/types.ts", usedByConsole],
] as const) {
  const [file, fresh] = [place(path), bodiesOf(used)];
  if (!options.check) writeFileSync(file, fresh);
  else if (!existsSync(file) || readFileSync(file, "utf8") !== fresh) {
    console.error(`${path} is stale: run \`npm run docs\``);
    process.exit(1);
  }
}
