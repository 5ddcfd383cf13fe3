/** A licence of which something is consumed, with everything that applications are told of, made by the administration's API. */
import { type Asked, call, customer, type Demo, id, keys } from "./demo.ts";

export const metered = {
  product: id(0x900),
  template: id(0x901),
  license: id(0x902),
  users: id(0x903),
  usersTemplate: id(0x904),
  docs: id(0x910),
  cores: id(0x911),
  feature: id(0x920),
  trial: id(0x921),
  variable: id(0x930),
  region: id(0x931),
  screen: id(0x940),
  size: id(0x941),
  opens: id(0x950),
  editor: id(0x951),
  release: id(0x960),
} as const;

export const admin = (demo: Demo, path: string, asked: Asked = {}) =>
  call(demo, path, { key: null, adminKey: keys.admin, ...asked });

/** Makes it; a call that is refused fails the test. */
export async function addMetered(demo: Demo): Promise<void> {
  const make = async (path: string, body: object) => {
    const { status, text } = await admin(demo, path, { body });
    if (status !== 201) throw new Error(`${path}: ${text}`);
  };
  const part = (list: string, partId: string, name: string, more: object = {}) =>
    make(`/products/${metered.product}/${list}`, { id: partId, name, ...more });
  await make("/products", { id: metered.product, name: "Metered" });
  await part("limitations", metered.docs, "Documents", { description: "created" });
  await part("limitations", metered.cores, "Cores");
  await part("features", metered.feature, "Export");
  await part("features", metered.trial, "Trial of AI");
  await part("variables", metered.variable, "Greeting");
  await part("constrained_variables", metered.region, "Region", { values: ["eu", "us", "asia"] });
  await part("analytical_fields", metered.screen, "Screen");
  await part("analytical_fields", metered.size, "Size", { type: "number" });
  await part("usage_features", metered.opens, "Opens");
  await part("usage_modules", metered.editor, "Editor");
  await part("software_release_limitations", metered.release, "25.2");
  const template = {
    product_id: metered.product,
    provisioning_mode: 1,
    session_period: 5,
    features: [{ feature_id: metered.feature }],
    limitations: [
      {
        limitation_id: metered.docs,
        limit: 10,
        consumption_reset_mode: 3,
        goodwill: 20,
        enforce_limit: true,
      },
      { limitation_id: metered.cores, limit: 4 },
    ],
    variables: [{ variable_id: metered.variable, value: "Hello" }],
    constrained_variables: [{ variable_id: metered.region, values: ["eu"] }],
    software_release_limitation_id: metered.release,
  };
  await make("/templates", { id: metered.template, name: "Metered", client_type: 0, ...template });
  const users = { provisioning_mode: 0, client_type: 1, user_limit: 2 };
  await make("/templates", { id: metered.usersTemplate, name: "Metered users", ...template, ...users });
  const license = { customer_id: customer, floating_token_limit: 5, token_limit: 5 };
  await make("/licenses", { id: metered.license, template_id: metered.template, ...license });
  await make("/licenses", { id: metered.users, template_id: metered.usersTemplate, ...license });
}

export const activateMetered = (demo: Demo, clientId: string, more: object = {}) =>
  call(demo, "/provisioning/activations", {
    body: { product_id: metered.product, license_key: metered.license, client_id: clientId, ...more },
  });
