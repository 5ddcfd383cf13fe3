/**
 * HalfSipHash 1-3 with a key of this process, so that nobody who chooses names can choose where they fall: whoever could
 * would make a look-up as slow as there are names. It has no part in any decision: the same names are found under every key.
 *
 * @see https://github.com/veorq/SipHash
 */

const [key0, key1] = crypto.getRandomValues(new Int32Array(2)) as unknown as [number, number];

/** Rounds without input, after which the result depends on every bit of it. */
const closing = 3;

/** A number of 32 bits, with its sign, for a text and the number of what it is looked up in. */
export function hashOf(text: string, within: number): number {
  let v0 = key0;
  let v1 = key1;
  let v2 = key0 ^ 0x6c796765;
  let v3 = key1 ^ 0x74656462;
  const { length } = text;
  // Two characters are a word. The last one has the length, and the character that is left over.
  const last = length >> 1;
  for (let n = -1; n <= last + closing; n++) {
    let word = 0;
    if (n < 0) word = within;
    else if (n < last) word = text.charCodeAt(2 * n) | (text.charCodeAt(2 * n + 1) << 16);
    else if (n === last) word = (length % 2 === 1 ? text.charCodeAt(length - 1) : 0) | (length << 16);
    else if (n === last + 1) v2 ^= 0xff;
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
