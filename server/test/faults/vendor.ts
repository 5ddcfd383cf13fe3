/** A small vendor for faults and races, and the calls that its clients make. */

export const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
export const tokens = 10;
export const licenseIds = [1, 2, 3, 4].map((n) => `00000000-0000-4000-8000-00000000000${n}`);

export const tenant = `isv: { id: ${isv}, name: Faults }
keys:
  - { name: app, role: provisioning, secret: faults-provisioning-key, response_signature: none }
  - { name: admin, role: admin, secret: faults-admin-key }
products:
  - { name: CAD }
editions:
  - { product: CAD, name: Floating users, provisioning_mode: floating, client_type: users, session_period: 60,
      max_floating_sessions_with_same_client_id: 2 }
customers:
  - { number: "1", name: Factor GmbH }
licenses:
${licenseIds.map((id) => `  - { id: ${id}, customer: "1", edition: Floating users, floating_token_limit: ${tokens} }`).join("\n")}
`;

export interface SessionCall {
  readonly license_id: string;
  readonly client_id: string;
  readonly session_id: string;
}

export interface Called {
  readonly status: number;
  readonly body: { readonly id?: number; readonly session_valid_until?: string };
}

export async function call(url: string, verb: "open" | "close", session: SessionCall): Promise<Called> {
  const response = await fetch(`${url}/api/v2/isv/${isv}/provisioning/session/${verb}`, {
    method: "POST",
    headers: { ProvisioningKey: "faults-provisioning-key", "Content-Type": "application/json" },
    body: JSON.stringify(session),
  });
  return { status: response.status, body: (await response.json()) as Called["body"] };
}

export async function admin<T>(url: string, path: string): Promise<T> {
  const response = await fetch(`${url}/api/v2/isv/${isv}/${path}`, { headers: { AdminKey: "faults-admin-key" } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

export interface OpenSession {
  readonly session_id: string;
  readonly user_id: string | null;
  readonly session_valid_until: string;
}
