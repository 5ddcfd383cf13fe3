/**
 * HalfSipHash 1-3 with a key of this process, so that nobody who chooses names can choose where they fall: whoever could
 * would make a look-up as slow as there are names. It has no part in any decision: the same names are found under every key.
 *
 * @see https://github.com/veorq/SipHash
 */

const [key0, key1] = crypto.getRandomValues(new Int32Array(2)) as unknown as [number, number];

/** Rounds without input, after which the result depends on every bit of it. */
const closing = 3;

/** What was asked for last: a name that is not found is put there next. */
const last = { text: "", within: -1, hash: 0 };

/** A number of 32 bits, with its sign, for a text and the number of what it is looked up in. */
export function hashOf(text: string, within: number): number {
  if (text !== last.text || within !== last.within) {
    last.hash = hashOfWords(pack(text), within);
    last.text = text;
    last.within = within;
  }
  return last.hash;
}

/** The words of the text that is being hashed. */
let words = new Int32Array(1_024);

/** Four characters are a word, as long as each fits into a byte. The last word tells the length. Answers with their number. */
function pack(text: string): number {
  const { length } = text;
  if (words.length < length + 1) words = new Int32Array(2 * length);
  for (let n = 0; n < length; n++) {
    const code = text.charCodeAt(n);
    if (code > 255) return packWide(text);
    const place = (n & 3) << 3;
    words[n >> 2] = place === 0 ? code : (words[n >> 2] as number) | (code << place);
  }
  const count = (length + 3) >> 2;
  words[count] = length;
  return count + 1;
}

/** Otherwise one character is; the last word tells that too, so that no two texts are the same words. */
function packWide(text: string): number {
  for (let n = 0; n < text.length; n++) words[n] = text.charCodeAt(n);
  words[text.length] = ~text.length;
  return text.length + 1;
}

function hashOfWords(count: number, within: number): number {
  let v0 = key0;
  let v1 = key1;
  let v2 = key0 ^ 0x6c796765;
  let v3 = key1 ^ 0x74656462;
  for (let n = -1; n < count + closing; n++) {
    if (n === count) v2 ^= 0xff;
    const word = n < 0 ? within : n < count ? (words[n] as number) : 0;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return v1 ^ v3;
}
