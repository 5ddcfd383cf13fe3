/** The demo vendor, and what a newcomer is shown of it. */

export const demoTenant = new URL("../../demo/tenant.yaml", import.meta.url);

/** The demo's keys are known to all the world: they get a file of their own, and never into the vendor's. */
export const demoSettings = { SEATKEEPER_DATABASE_URL: "sqlite:./data/demo.db" };

/** The variables that say something. */
export function setIn(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
}

const isv = "2af5fe02-6207-4214-946e-b00ac5309f53";
const license = "7c1d5a0e-3b52-4a35-9d64-0b6f0c1f2a11";

function curl(url: string, path: string, body: object): string {
  return `  curl -s -H 'ProvisioningKey: demo-quickstart-key' -H 'Content-Type: application/json' \\
    ${url}/api/v2/isv/${isv}/${path} \\
    -d '${JSON.stringify(body)}'; echo`;
}

/** Three commands that take, extend and give back a token. */
export function welcome(url: string): string {
  const session = {
    license_id: license,
    client_id: "anna@factor.com",
    session_id: "3fa85f64-5717-4562-b3fc-2c963f66afa6",
  };
  return `
Seatkeeper is running at ${url} with the demo vendor.

The console: ${url}/console   Sign in with the admin key: demo-admin-key

Paste these into another terminal:

  # Anna takes one of the licence's tokens
${curl(url, "provisioning/session/open", session)}

  # the same again extends her session
${curl(url, "provisioning/session/open", session)}

  # she gives the token back
${curl(url, "provisioning/session/close", session)}

The API: ${url}/docs   The demo's licences and keys: server/demo/tenant.yaml   Stop: Ctrl+C
`;
}

/** `isDemo`: the demo vendor is there, and not somebody else's, whose keys nobody here knows. */
export function sandboxWelcome(url: string, isDemo: boolean): string {
  const what = isDemo
    ? welcome(url)
    : `
Seatkeeper is running at ${url} with the tenant files of SEATKEEPER_TENANT_FILES.

The console: ${url}/console   The API: ${url}/docs   Stop: Ctrl+C
`;
  return `${what}
This is a sandbox: nothing is kept, and time stands still until you move it:

  curl -s -H 'Content-Type: application/json' ${url}/sandbox/clock -d '{"advance_seconds": 300}'; echo
`;
}
