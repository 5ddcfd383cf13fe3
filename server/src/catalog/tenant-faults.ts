/** What is wrong with tenant files, told so that it can be found and put right; never with a secret in it. */

export interface Fault {
  readonly file: string;
  readonly line: number;
  /** Where in the document, such as `licenses[0].edition`; empty: the document itself. */
  readonly path: string;
  readonly text: string;
}

/** Faults that are looked for, in a file or in what a vendor's files say together: so many say it all. */
export const faultsToldMax = 200;

/** Faults printed at once; all of them are in `faults`. */
const faultsShownMax = 100;

/** Tenant files that are not applied, with every reason. */
export class TenantFileFault extends Error {
  override readonly name = "TenantFileFault";
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    const sorted = faults.toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
    const lines = sorted.slice(0, faultsShownMax).map((fault) => `  ${faultLine(fault)}`);
    if (sorted.length > faultsShownMax) lines.push(`  … and ${sorted.length - faultsShownMax} more`);
    super(`tenant files, nothing applied:\n${lines.join("\n")}`);
    this.faults = sorted;
  }
}

function faultLine({ file, line, path, text }: Fault): string {
  return `${file}:${line} ${path === "" ? "" : `${path}: `}${text}`;
}

/** A step of a path is a field or a place in a list. */
export type Path = readonly (string | number)[];

export function pathText(path: Path): string {
  return path
    .map((step, n) => (typeof step === "number" ? `[${step}]` : `${n === 0 ? "" : "."}${printable(step)}`))
    .join("");
}

/** A value of the file as faults show it: on one line, short, with control characters escaped. */
export function quote(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return printable(text.length > 80 ? `${text.slice(0, 77)}…` : text);
}

/** Terminals and logs obey escapes that JSON leaves alone. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (c) => `\\u${(c.codePointAt(0) as number).toString(16).padStart(4, "0")}`,
  );
}

/** `; did you mean "…"?` where one of the known words is near, else nothing. */
export function didYouMean(wrong: string, known: Iterable<string>): string {
  const near = closest(wrong, known);
  return near === undefined ? "" : `; did you mean ${quote(near)}?`;
}

/** Pairs of letters that are compared in search of one word, some milliseconds: each of many faults has such a search. */
const comparedLettersMax = 200_000;

export function closest(wrong: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(wrong.length / 3)) + 1;
  let compared = 0;
  for (const word of known) {
    if (Math.abs(word.length - wrong.length) >= bestDistance) continue;
    compared += word.length * wrong.length;
    if (compared > comparedLettersMax) break;
    const distance = editDistance(wrong.toLowerCase(), word.toLowerCase());
    if (distance < bestDistance && distance < word.length) [best, bestDistance] = [word, distance];
  }
  return best;
}

/** Levenshtein's: letters to put in, take out or change. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
