/** Files for machines that never see a network: the licence, and a client's activation (P2; section 9.2). */
import { Type } from "typebox";
import { assignmentAt } from "../../core/decide/assignments.ts";
import { clientKey } from "../../core/names.ts";
import type { Assignment } from "../../core/types.ts";
import { knownLicense } from "../access.ts";
import { uuidOrNull } from "../input.ts";
import { requireNames } from "../names.ts";
import { answerOfDenial, onceDecided, Problem } from "../problem.ts";
import { keyed, type Route, type Services } from "../route.ts";
import { denied } from "./answers.ts";
import { activationOf } from "./clients.ts";
import { described } from "./dto.ts";
import { LicenseFileQuery, LicenseParams, OfflineActivation, Refusal } from "./schemas.ts";
import { activationFile, fileAnswer, licenseFile, signedXml } from "./xml-files.ts";

const answers = { 200: Type.String({ description: "XML with an enveloped signature (XML-DSig)." }), 409: Refusal };

export function fileRoutes(services: Services): Route[] {
  return [licenseFileRoute(services), activationFileRoute(services)];
}

function licenseFileRoute({ store, signer }: Services): Route {
  return keyed({
    method: "GET",
    path: "/licenses/:license_id/xml",
    reach: "app",
    tag: "Files",
    summary: "Download a licence as a signed file",
    description: "Signed with the key of `signing-key.pem`. With `token_key` the client's activation is built in.",
    answerType: "application/xml",
    params: LicenseParams,
    query: LicenseFileQuery,
    answers,
    async handle(call, finish) {
      const license = knownLicense(call, call.params.license_id);
      const tokenKey = uuidOrNull(call.query.token_key);
      // The file names the client. Applications ask for their own; administrators for other people's.
      if (tokenKey !== null && call.key.role === "admin") requireNames(call.names);
      const assignment = tokenKey === null ? null : await assignmentOf(store, call.isvId, license.id, tokenKey);
      if (assignment === undefined) {
        throw new Problem("entity_unknown", "No client of the licence holds a token of this key.");
      }
      const text = licenseFile(described(call.vendor, license), assignment, store.now());
      const signed = await signer.withPlace(call.isvId, () => signedXml(signer, call.isvId, text));
      finish(fileAnswer(signed, "license.xml"));
    },
  });
}

/** The assignment that a token key is of, while its client holds the token. */
async function assignmentOf(
  store: Services["store"],
  isvId: string,
  licenseId: string,
  tokenKey: string,
): Promise<Assignment | undefined> {
  if ((await store.licenseOfToken(isvId, tokenKey)) !== licenseId) return undefined;
  const license = await store.read(isvId, licenseId);
  const found = license?.assignmentOfToken(tokenKey);
  if (license === undefined || found === undefined) return undefined;
  const assignment = assignmentAt(license.terms, found, store.now());
  return assignment.unassignedAt === null ? assignment : undefined;
}

function activationFileRoute({ desk, store, signer }: Services): Route {
  return keyed({
    method: "GET",
    path: "/provisioning/activations/offline",
    hasEffect: true,
    reach: "app",
    role: "owner",
    tag: "Files",
    summary: "Activate a client, and download its activation as a signed file",
    description:
      "For a client that has no network: its query is filled in elsewhere. A client that is active already gets its file again.",
    answerType: "application/xml",
    query: OfflineActivation,
    answers,
    async handle(call, finish) {
      const activation = await activationOf(store, call, call.query);
      if ("denial" in activation) return finish(denied(activation.denial, call));
      const { command } = activation;
      const answer = await signer.withPlace(call.isvId, async () => {
        const { denial, granted } = await desk.decide(command);
        if (denial !== null && denial.code !== "token_already_assigned") return answerOfDenial(denial, call);
        const view = await onceDecided(() => store.read(call.isvId, command.licenseId));
        const known = view?.assignment(clientKey(view.terms, command.clientId));
        const assignment = granted?.assignment ?? known;
        if (assignment == null) throw new Error("a client is active without an assignment");
        const signed = await signedXml(signer, call.isvId, activationFile(command.licenseId, assignment));
        return fileAnswer(signed, call.query.file_name ?? "activation.xml");
      });
      finish(answer);
    },
  });
}
