/** Which releases a licence covers, once more: versions as numbers of many digits, compared as such. */

const digits = (version: string, parts: number): string =>
  Array.from({ length: parts }, (_, n) => (version.split(".")[n] ?? "0").replace(/\D/g, "").padStart(12, "0")).join("");

/** A client that tells no release is taken to be covered. */
export function coversRelease(limit: string | null, version: string | null): boolean {
  if (limit === null || version === null) return true;
  const parts = limit.split(".").length;
  return digits(version, parts) <= digits(limit, parts);
}
