/** A vendor with everything that the wire's tests need, on the memory store, behind a real port. */

import { generateKeyPairSync } from "node:crypto";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { secretHash } from "../../src/catalog/catalog.ts";
import type { EntityOf, Kind, StoredEntity } from "../../src/catalog/entities.ts";
import { HeldClock } from "../../src/clock.ts";
import { Desk } from "../../src/desk/desk.ts";
import { type App, type AppOptions, createApp } from "../../src/http/app.ts";
import { Signer } from "../../src/http/signing.ts";
import { openMemoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";

/** Stable ids that can be told apart at a glance. */
export const id = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;

export const isv = id(0xa);
export const otherIsv = id(0xb);
/** Whose pages may call with client tokens. */
export const pageOrigin = "https://app.example.com";
export const product = id(0x100);
export const legacyProduct = id(0x101);
export const heartbeatType = id(0x110);
export const feature = id(0x120);
export const limitation = id(0x130);
export const customer = id(0x200);
export const otherCustomer = id(0x201);
export const projectCustomer = id(0x202);

export const licenses = {
  devices: id(0x1),
  users: id(0x2),
  named: id(0x3),
  namedUsers: id(0x4),
  overuse: id(0x5),
  expired: id(0x6),
  inactive: id(0x7),
  legacy: id(0x8),
  other: id(0x9),
  guest: id(0xc),
  projects: id(0xd),
  otherProjects: id(0xe),
} as const;

export const keys = {
  operator: "demo-operator-key",
  plain: "plain-key",
  rsa: "rsa-key",
  app: "app-key",
  admin: "admin-key",
  inactive: "inactive-key",
  boundToProduct: "bound-product-key",
  boundToLicense: "bound-license-key",
  boundToCustomer: "bound-customer-key",
  boundAdmin: "bound-admin-key",
  otherVendor: "other-vendor-key",
  otherAdmin: "other-admin-key",
} as const;

function entity<K extends Kind>(kind: K, body: EntityOf[K], isvId = isv): StoredEntity<K> {
  return { isvId, kind, id: body.id, body, applied: null };
}

let keyCount = 0x500;
function key(secret: string, more: Partial<EntityOf["key"]> = {}, isvId = isv): StoredEntity<"key"> {
  const body: EntityOf["key"] = {
    id: id(keyCount++),
    name: secret,
    role: "provisioning",
    scope: "backend",
    secret_sha256: secretHash(secret),
    response_signature: "none",
    is_active: true,
    product_id: null,
    customer_id: null,
    license_id: null,
    ...more,
  };
  return entity("key", body, isvId);
}

function edition(n: number, name: string, more: Partial<EntityOf["edition"]>, isvId = isv): StoredEntity<"edition"> {
  const body: EntityOf["edition"] = {
    id: id(n),
    product_id: product,
    name,
    provisioning_mode: "floating",
    client_type: "devices",
    enforce_floating_limit: true,
    max_floating_sessions_with_same_client_id: 2,
    session_period: 5,
    max_checkout_period: 43_200,
    heartbeat_period: 60,
    heartbeats_extend_sessions: false,
    freeride: 7,
    is_temporary: false,
    activate_on_open: null,
    activation_upon_license_creation: null,
    require_session_id: false,
    require_user_id: false,
    one_session_per_user: false,
    default_project_kind: null,
    allow_kind_switch: false,
    mono_same_user: "refuse",
    features: [feature],
    limitations: [{ id: limitation, value: 3 }],
    ...more,
  };
  return entity("edition", body, isvId);
}

function license(
  lid: string,
  editionN: number,
  more: Partial<EntityOf["license"]> = {},
  isvId = isv,
): StoredEntity<"license"> {
  const body: EntityOf["license"] = {
    id: lid,
    name: null,
    product_id: product,
    customer_id: customer,
    edition_id: id(editionN),
    floating_token_limit: 2,
    token_limit: 2,
    goodwill_token_limit: 0,
    project_tokens: null,
    legacy_license_key: null,
    allowed_user_domains: [],
    is_active: true,
    start_date_utc: null,
    expiration_date_utc: null,
    ...more,
  };
  return entity("license", body, isvId);
}

const productOf = (pid: string, name: string, more: Partial<EntityOf["product"]> = {}, isvId = isv) =>
  entity(
    "product",
    {
      id: pid,
      name,
      prioritized_key: "standard",
      features: [{ id: feature, name: "cloud backup" }],
      limitations: [{ id: limitation, name: "cores" }],
      variables: [],
      heartbeat_types: [{ id: heartbeatType, name: "start" }],
      ...more,
    },
    isvId,
  );

const catalog: StoredEntity[] = [
  entity("isv", { id: isv, name: "Demo Vendor", browser_origins: [pageOrigin] }),
  entity("isv", { id: otherIsv, name: "Other Vendor" }, otherIsv),
  productOf(product, "CAD"),
  productOf(legacyProduct, "CAM", { prioritized_key: "legacy" }),
  productOf(product, "Theirs", {}, otherIsv),
  entity("customer", { id: customer, number: "87012", name: "Factor GmbH" }),
  entity("customer", { id: otherCustomer, number: "87013", name: "Sector AG" }),
  entity("customer", { id: projectCustomer, number: "87014", name: "Vector KG" }),
  entity("customer", { id: customer, number: "1", name: "Theirs" }, otherIsv),
  edition(0x300, "Floating devices", {}),
  edition(0x301, "Floating users", { client_type: "users" }),
  edition(0x302, "Named devices", { provisioning_mode: "named", session_period: null }),
  edition(0x303, "Named users", { provisioning_mode: "named", client_type: "users" }),
  edition(0x304, "Overuse", { enforce_floating_limit: false }),
  edition(0x305, "Legacy", { product_id: legacyProduct }),
  edition(0x306, "Guest", { is_temporary: true }),
  edition(0x307, "Projects", { client_type: "projects", session_period: 2, max_checkout_period: 0 }),
  edition(0x308, "Switching projects", {
    client_type: "projects",
    session_period: 2,
    max_checkout_period: 0,
    allow_kind_switch: true,
    mono_same_user: "allow",
    default_project_kind: "mono",
  }),
  edition(0x300, "Theirs", {}, otherIsv),
  license(licenses.devices, 0x300, { legacy_license_key: "order-1" }),
  license(licenses.users, 0x301, { legacy_license_key: "factor.com" }),
  license(licenses.named, 0x302),
  license(licenses.namedUsers, 0x303),
  license(licenses.overuse, 0x304, { customer_id: otherCustomer }),
  license(licenses.expired, 0x300, { expiration_date_utc: "2020-01-01T00:00:00Z", customer_id: otherCustomer }),
  license(licenses.inactive, 0x300, { is_active: false, customer_id: otherCustomer }),
  license(licenses.legacy, 0x305, { product_id: legacyProduct, legacy_license_key: "legacy.example" }),
  license(licenses.guest, 0x306, { expiration_date_utc: "2026-01-01T01:00:00Z" }),
  license(licenses.projects, 0x307, { project_tokens: { mono: 2, team: 1 }, customer_id: projectCustomer }),
  license(licenses.otherProjects, 0x308, { project_tokens: { mono: 1, team: 1 }, customer_id: projectCustomer }),
  license(licenses.other, 0x300, {}, otherIsv),
  key(keys.plain),
  key(keys.rsa, { response_signature: "rsa" }),
  key(keys.app, { scope: "app" }),
  key(keys.admin, { role: "admin" }),
  key(keys.inactive, { is_active: false }),
  key(keys.boundToProduct, { product_id: product }),
  key(keys.boundToLicense, { license_id: licenses.devices }),
  key(keys.boundToCustomer, { customer_id: customer }),
  key(keys.boundAdmin, { role: "admin", license_id: licenses.devices }),
  key(keys.otherVendor, {}, otherIsv),
  key(keys.otherAdmin, { role: "admin" }, otherIsv),
];

/** One pair for all tests: making one takes a tenth of a second and more. */
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;

export interface Demo {
  readonly app: App;
  readonly store: Store;
  readonly desk: Desk;
  readonly signer: Signer;
  readonly clock: HeldClock;
  readonly port: number;
  readonly url: string;
  /** What the server logged, a JSON text a line. */
  readonly logged: string[];
  stop(): Promise<void>;
}

export interface DemoOptions {
  readonly shell?: AppOptions["shell"];
  readonly patience?: AppOptions["patience"];
  readonly isSandbox?: boolean;
  readonly trustedProxies?: readonly string[];
  readonly signer?: Signer;
  /** Puts something in the place of the store or the desk. */
  readonly wrap?: (parts: { store: Store; desk: Desk }) => Partial<{ store: Store; desk: Desk }>;
}

export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const clock = new HeldClock();
  const memory = openMemoryStore(clock);
  await memory.saveCatalog(catalog);
  const logged: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(line) });
  const parts = { store: memory, desk: new Desk(memory) };
  const { store, desk } = { ...parts, ...options.wrap?.(parts) };
  const signer = options.signer ?? new Signer();
  signer.add(isv, privateKeyPem);
  const app = await createApp({
    store,
    desk,
    signer,
    log,
    ...(options.shell && { shell: options.shell }),
    ...(options.patience && { patience: options.patience }),
    ...(options.trustedProxies && { trustedProxies: options.trustedProxies }),
    operatorKey: keys.operator,
    ...(options.isSandbox && { sandboxClock: clock }),
  });
  await new Promise<void>((resolve) => app.server.listen({ port: 0, host: "127.0.0.1" }, resolve));
  const { port } = app.server.address() as AddressInfo;
  return { app, store, desk, signer, clock, port, url: `http://127.0.0.1:${port}`, logged, stop: () => app.stop() };
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect
  readonly body: any;
}

export interface Asked {
  readonly method?: string;
  readonly key?: string | null;
  readonly adminKey?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly isvId?: string;
}

/** One call of the API; `path` is what follows the vendor, or from the root with `root`. */
export async function call(demo: Demo, path: string, asked: Asked = {}): Promise<Answered> {
  const url = `${demo.url}/api/v2/isv/${asked.isvId ?? isv}${path}`;
  return fetchOf(url, {
    ...asked,
    headers: {
      ...(asked.adminKey === undefined
        ? asked.key === null
          ? {}
          : { ProvisioningKey: asked.key ?? keys.plain }
        : { AdminKey: asked.adminKey }),
      ...asked.headers,
    },
  });
}

export function root(demo: Demo, path: string, asked: Asked = {}): Promise<Answered> {
  return fetchOf(demo.url + path, asked);
}

async function fetchOf(url: string, { method, headers, body }: Asked): Promise<Answered> {
  const hasBody = body !== undefined;
  const response = await fetch(url, {
    method: method ?? (hasBody ? "POST" : "GET"),
    headers: { ...(hasBody && { "content-type": "application/json" }), ...headers },
    ...(hasBody && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    redirect: "manual",
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const open = (demo: Demo, body: object, asked: Asked = {}) =>
  call(demo, "/provisioning/session/open", { ...asked, body });
export const close = (demo: Demo, body: object, asked: Asked = {}) =>
  call(demo, "/provisioning/session/close", { ...asked, body });
export const activate = (demo: Demo, licenseId: string, clientId: string, asked: Asked = {}) =>
  call(demo, "/provisioning/activations", {
    ...asked,
    body: { product_id: product, license_key: licenseId, client_id: clientId },
  });
