/** Codes of denials and kinds of events, as people say them. */
const reasons: Readonly<Record<string, string>> = {
  tokens_exhausted: "All tokens in use",
  sessions_exhausted: "Too many sessions of one holder",
  session_forked: "Session extended by a copy",
  checkouts_exhausted: "Too many checked out",
};

/** A code that has no words of its own reads well enough without its underscores. */
export function reasonText(code: string): string {
  return reasons[code] ?? sentence(code.replaceAll("_", " "));
}

/** `session.opened` as "Session opened". */
export function eventText(kind: string): string {
  return sentence(kind.replaceAll(".", " ").replaceAll("_", " "));
}

/** Codes are spelt otherwise than what people read. */
function sentence(words: string): string {
  const text = words.replace("license", "licence");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
