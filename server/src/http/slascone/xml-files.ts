/**
 * The signed XML of SLASCONE's offline licensing (section 9.2 of its wire): what stands in a licence file and in an
 * activation file. Enveloped XML-DSig with the key that signs answers; no key is named in it.
 */
import type { SignedXml } from "xml-crypto";
import type { Assignment } from "../../core/types.ts";
import type { Answer } from "../answer.ts";
import type { Signer } from "../signing.ts";
import { type Described, instant, licenseInfo } from "./dto.ts";

const rsaSha256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/** Null is written as nil; a list as an element for each of its items. */
type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };

/** A licence as a file. `assignment`: of the client whose activation is built in; null: the file is for any. */
export function licenseFile(about: Described, assignment: Assignment | null, now: number): string {
  const info = licenseInfo(about, assignment, now);
  return xml("slascone_license_file", {
    modified_date_utc: instant(now),
    customer: info.customer,
    license_name: info.license_name,
    license_key: info.license_key,
    legacy_license_key: info.legacy_license_key,
    license_type_id: null,
    license_type_name: null,
    product_name: info.product_name,
    product_id: info.product_id,
    template_name: info.template_name,
    template_id: info.template_id,
    provisioning_mode: info.provisioning_mode,
    floating_tokens: info.provisioning_mode === 1 ? info.floating_token_limit : null,
    user_limits: about.license.user_limit ?? about.edition.user_limit ?? null,
    start_date_utc: info.start_date_utc,
    expiration_date_utc: info.expiration_date_utc,
    is_temporary: info.is_temporary,
    software_release_limitation: info.software_release_limitation,
    session_period: info.provisioning_mode === 1 ? info.session_period : null,
    heartbeat_period: info.heartbeat_period,
    freeride: info.freeride,
    features: info.features.map(({ id, name, description, is_active }) => ({ id, name, description, is_active })),
    limitations: info.limitations.map((limitation) => ({
      id: limitation.id,
      name: limitation.name,
      description: limitation.description,
      value: limitation.value,
      consumption_reset_mode: limitation.consumption_reset_mode,
      consumption_reset_period_days: limitation.consumption_reset_period_days,
    })),
    constrained_variables: info.constrained_variables.map(({ id, name, description, value }) => {
      return { id, name, description, values: value };
    }),
    variables: info.variables,
    ...(assignment !== null && { client_id: assignment.clientId }),
  });
}

/** A client's activation as a file, to be read beside the licence file. */
export function activationFile(licenseId: string, { tokenKey, clientId, activatedAt }: Assignment): string {
  return xml("slascone_activation_file", {
    license_key: licenseId,
    token_key: tokenKey,
    client_id: clientId,
    activation_date_utc: instant(activatedAt),
  });
}

function xml(root: string, members: Readonly<Record<string, Value>>): string {
  const spaces = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"';
  return `<${root} ${spaces}>${membersOf(members)}</${root}>`;
}

function membersOf(members: Readonly<Record<string, Value>>): string {
  return Object.entries(members)
    .map(([name, value]) => element(name, value))
    .join("");
}

function element(name: string, value: Value): string {
  if (value === null) return `<${name} xsi:nil="true" />`;
  if (isList(value)) return value.map((item) => element(name, item)).join("");
  const content = typeof value === "object" ? membersOf(value) : escaped(String(value));
  return content === "" ? `<${name} />` : `<${name}>${content}</${name}>`;
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** Control characters cannot stand in XML at all; tenant files allow line breaks and tabs in descriptions. */
function escaped(text: string): string {
  const plain = text.replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, "");
  return plain.replace(/[&<>\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Signs a file off the main thread. The caller has a place in the queue. */
export async function signedXml(signer: Signer, isvId: string, text: string): Promise<string> {
  // A seventh of a server's start, which most servers never need.
  const library = await import("xml-crypto");
  const signed = new library.SignedXml({
    // Not looked at by our algorithm, which asks the signer; the library wants one.
    privateKey: "in the signer",
    signatureAlgorithm: rsaSha256,
    canonicalizationAlgorithm: "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    getKeyInfoContent: () => null,
  });
  signed.SignatureAlgorithms = { [rsaSha256]: algorithmOf(signer, isvId) };
  signed.addReference({
    xpath: "/*",
    uri: "",
    isEmptyUri: true,
    transforms: ["http://www.w3.org/2000/09/xmldsig#enveloped-signature"],
    digestAlgorithm: "http://www.w3.org/2001/04/xmlenc#sha256",
  });
  return new Promise((resolve, reject) => {
    signed.computeSignature(text, {}, (error) => {
      if (error) reject(error);
      else resolve(signed.getSignedXml());
    });
  });
}

/** RSA with SHA-256 as the library takes algorithms, made where all signatures are made. */
function algorithmOf(signer: Signer, isvId: string): SignedXml["SignatureAlgorithms"][string] {
  return class {
    getAlgorithmName = () => rsaSha256 as typeof rsaSha256;
    verifySignature = (): never => {
      throw new Error("files are signed here, and verified by whoever has them");
    };
    getSignature = ((info: string, _key: unknown, done: (error: Error | null, signature?: string) => void) => {
      signer.signBytes(isvId, Buffer.from(info)).then(
        (signature) => done(null, signature.toString("base64")),
        (error: Error) => done(error),
      );
    }) as never;
  };
}

/** A file to be saved. Its name is our own, or what is left of a wanted one without anything that a header might mind. */
export function fileAnswer(text: string, wantedName: string): Answer {
  const name = wantedName.replace(/[^\w.-]+/g, "_").slice(0, 100);
  return {
    status: 200,
    contentType: "application/xml",
    body: text,
    headers: ["Content-Disposition", `attachment; filename="${name}"`, "X-Content-Type-Options", "nosniff"],
  };
}
