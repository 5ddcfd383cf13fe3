/** Ids that whoever creates something may choose: SLASCONE's clients send one always, and mean nothing by zeros. */
import { newId } from "../../ids.ts";
import { Maybe, Uuid } from "../input.ts";
import { Problem } from "../problem.ts";

export const GivenId = Maybe(Uuid("The id to be; drawn by the server if left out, null or all zeros."));

const zeros = "00000000-0000-0000-0000-000000000000";

/** The id that a new thing gets. @throws Problem (409) where there is one of this id. */
export function freshId(known: ReadonlyMap<string, unknown>, asked: string | null | undefined): string {
  const id = asked?.toLowerCase() ?? zeros;
  if (id === zeros) return newId();
  if (!known.has(id)) return id;
  throw new Problem("name_taken", "id: is taken already", [], {
    errors: [{ field: "id", detail: "is taken already" }],
  });
}
