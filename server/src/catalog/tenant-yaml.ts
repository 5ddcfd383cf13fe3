/** YAML with line numbers. The library's own messages quote the text, secrets included, so ours stand in their place. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from "yaml";
import { faultsToldMax, type Path, TenantFileFault } from "./tenant-faults.ts";
import { aliasUsesMax, type Misplaced, Walk } from "./tenant-walk.ts";

/** Characters of one file: some twenty thousand licences. The whole of it is held in memory while it is read. */
export const tenantFileLengthMax = 8 * 1024 * 1024;

export interface YamlText {
  readonly value: unknown;
  /** The line where this stands, or the nearest thing around it that is there. */
  lineOf(path: Path): number;
}

/** How many pieces the text is made of, counted up to one beyond `most`. */
export function piecesIn(text: string, most: number): number {
  const pieces = new Lexer().lex(text);
  let count = 0;
  while (count <= most && pieces.next().done !== true) count++;
  return count;
}

export function parseYaml(file: string, text: string): YamlText {
  const refuse = (line: number, reason: string): never => {
    throw new TenantFileFault([{ file, line, path: "", text: reason }]);
  };
  if (text.length > tenantFileLengthMax)
    refuse(1, `the file has more than ${tenantFileLengthMax} characters: split it`);
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: "error",
      stringKeys: true,
      // The library compares each field with all before it; our own walk does not.
      uniqueKeys: false,
    });
    const walk = new Walk(document);
    const told = [...document.errors, ...document.warnings].map(({ pos, code }) => ({ at: pos[0], code }));
    const wrong = [...told, ...walk.wrong].toSorted((a, b) => a.at - b.at).slice(0, faultsToldMax);
    if (wrong.length > 0) {
      const line = (at: number) => lines.linePos(at).line;
      throw new TenantFileFault(
        wrong.map(({ at, code }) => ({ file, line: line(at), path: "", text: reasonOf(code) })),
      );
    }
    // The walk has counted the aliases.
    const value: unknown = document.toJS({ maxAliasCount: -1 });
    return { value, lineOf: (path) => lines.linePos(offsetOf(document, walk, path)).line };
  } catch (error) {
    if (error instanceof RangeError) return refuse(1, "the file is nested too deeply");
    throw error;
  }
}

function offsetOf(document: Document, { targets }: Walk, path: Path): number {
  let node = document.contents as Node | null | undefined;
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = targets.get(node);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node)) {
      node = node.items[step as number] as Node | undefined;
      offset = node?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}

type Code = YAMLError["code"] | Misplaced["code"];

const reasons: Partial<Record<Code, string>> = {
  ALIAS_IN_ITSELF: "this alias stands within what it stands for",
  ALIASES_EXCESSIVE: `up to here the file uses its anchors more than ${aliasUsesMax} times, or for more than a million characters`,
  BAD_ALIAS: "this alias has no anchor before it",
  BAD_INDENT: "this line is not indented like its neighbours",
  BAD_DQ_ESCAPE: "this text in double quotes has an escape that YAML does not know",
  BAD_SCALAR_START: "a value that begins with this character needs quotes",
  BLOCK_AS_IMPLICIT_KEY: "a field stands where its value should end: look for a missing quote or line break",
  BLOCK_IN_FLOW: "inside braces or brackets every value must stand in them too",
  DUPLICATE_KEY: "this field stands twice",
  MISSING_CHAR: "a closing quote, bracket, brace, comma or colon is missing",
  MULTILINE_IMPLICIT_KEY: "a field's name goes over more than one line: look for a missing colon or quote",
  MULTIPLE_DOCS: "one file holds one document: take away the --- here",
  NON_STRING_KEY: "a field's name must be plain text",
  RESOURCE_EXHAUSTION: "the file is nested too deeply",
  TAB_AS_INDENT: "indent with blanks: YAML takes no tabs",
  TAG_RESOLVE_FAILED: "tags (!…) have no meaning here",
};

function reasonOf(code: Code): string {
  return `not well-formed YAML: ${reasons[code] ?? "this is out of place"} (${code})`;
}
