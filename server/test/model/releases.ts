/** Which releases a licence covers, once more: versions as numbers of many digits, compared as such. */

const digits = (version: string, parts: number): string =>
  Array.from({ length: parts }, (_, n) => (numbersOf(version)[n] ?? "0").padStart(12, "0")).join("");

/** What a version counts by: a letter or a plus behind a digit ends it. */
function numbersOf(version: string): string[] {
  const numbers: string[] = [];
  for (const part of version.split(".")) {
    const from = part.search(/\d/);
    const own = from < 0 ? "" : part.slice(from);
    const end = own.search(/[\p{L}+]/u);
    numbers.push((end < 0 ? own : own.slice(0, end)).replace(/\D/g, ""));
    if (end >= 0) break;
  }
  return numbers;
}

/** A client that tells no release is taken to be covered. */
export function coversRelease(limit: string | null, version: string | null): boolean {
  if (limit === null || version === null) return true;
  const parts = limit.split(".").length;
  return digits(version, parts) <= digits(limit, parts);
}
