/** The forms of a licence that is there: its own settings, and what it sets of its product's parts. */

import type { Api, Versioned } from "../../api/session.tsx";
import { useApi } from "../../api/session.tsx";
import type { LicensePage } from "../../api/types.ts";
import { Edited } from "../../parts/edited.tsx";
import { useUrl } from "../../parts/url.ts";
import { LicenseForm } from "./license-form.tsx";
import { OwnPartsForm } from "./own-parts.tsx";

type LicenseItem = LicensePage["items"][number];

/** The form that the address names: `edit` or `parts`, and the licence's id. */
export function LicenseForms() {
  const url = useUrl();
  const { may } = useApi();
  const [edited, entitled] = [url.get("edit"), url.get("parts")];
  const id = edited ?? entitled;
  if (id === null || !may("owner")) return null;
  const close = () => url.set({ edit: null, parts: null });
  const Form = edited === null ? OwnPartsForm : LicenseForm;
  return (
    <Edited path={`licenses/${id}`} read={(api) => readLicense(api, id)} close={close}>
      {(license, version) => <Form license={license} version={version} close={close} />}
    </Edited>
  );
}

/** Of the list, since that has what only administrators are told. */
async function readLicense(api: Api, id: string): Promise<Versioned<LicenseItem>> {
  const { items } = await api.get<LicensePage>("licenses", { search: id });
  const license = items.find((item) => item.id === id);
  if (license === undefined) throw new Error("There is no such licence any more; the audit log tells who deleted it.");
  return { entity: license, etag: license.etag };
}
