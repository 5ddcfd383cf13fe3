/** Which releases of the software a licence covers. */

/**
 * Whether a release is at most the newest one that is covered. Only the parts that the limit names count: "25.2" covers
 * 25.2.9 and 24.11, and not 25.3. Letters are no part of a version, nor is what comes behind them: v25.2b is 25.2, and so are
 * 25.2-beta1 and 25.2+4f.
 */
export function coversRelease(limit: string | null, version: string): boolean {
  if (limit === null) return true;
  const wanted = partsOf(version);
  const parts = partsOf(limit);
  const n = parts.findIndex((part, place) => part !== (wanted[place] ?? 0));
  return n < 0 || (wanted[n] ?? 0) < (parts[n] as number);
}

function partsOf(version: string): number[] {
  return version
    .replace(/(?<=[0-9])[^0-9.]*[\p{L}+].*$/u, "")
    .replace(/[^0-9.]/g, "")
    .split(".")
    .map(Number);
}
