/** Names inside of sentences. */

/** Letters that run from right to left, and characters that say so of others. */
const turning = /[\p{sc=Hebr}\p{sc=Arab}\p{sc=Syrc}\p{sc=Thaa}\p{sc=Nkoo}\p{sc=Adlm}\p{Bidi_Control}]/u;

/** A name as a sentence takes it: whichever way it runs, the words around it keep theirs. */
export const inText = (name: string) => (turning.test(name) ? `\u2068${name}\u2069` : name);
