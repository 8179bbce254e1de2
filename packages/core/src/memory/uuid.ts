/**
 * UUID text to words and back. Called by create/remove (mdev) and by everything that prints a device's name.
 *
 * A UUID is four words, most significant byte first, so that comparing the words as unsigned numbers, first word
 * first, orders UUIDs as comparing their lower-case text does. Pure functions; nothing here is shared.
 */

/** Number of words a UUID takes. */
export const UUID_WORDS = 4;

const TEXT_LENGTH = 36;
const HYPHEN = 0x2d;

/** Where the hex pair of each of the sixteen bytes starts in the text. */
const PAIR_AT = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);

/** Value of a hex digit by UTF-16 code unit, -1 where it is none. */
const NIBBLE = new Int8Array(0x10000).fill(-1);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  NIBBLE[digit.charCodeAt(0)] = value;
  NIBBLE[digit.toUpperCase().charCodeAt(0)] = value;
}

const DIGIT = Buffer.from('0123456789abcdef', 'latin1');

/** Scratch of this thread: the words being parsed, the text being formatted (its hyphens stay). */
const parsed = new Int32Array(UUID_WORDS);
const text36 = Buffer.alloc(TEXT_LENGTH, '-', 'latin1');

/** The byte whose hex pair stands at `at`; negative when that is none. */
function byteAt(text: string, at: number): number {
  return ((NIBBLE[text.charCodeAt(at)] as number) << 4) | (NIBBLE[text.charCodeAt(at + 1)] as number);
}

/**
 * Parses `text` into `into[offset..offset + 3]`.
 * Accepts exactly 36 characters, 8-4-4-4-12 hex digits in any case; neither version nor variant is looked at
 * (all zeros is a UUID). What may follow a UUID in a sysfs write is the caller's concern.
 * Returns false, and leaves `into` alone, when the text is anything else.
 */
export function parseUuid(text: string, into: Int32Array, offset: number): boolean {
  if (text.length !== TEXT_LENGTH) return false;
  for (let at = 8; at <= 23; at += 5) if (text.charCodeAt(at) !== HYPHEN) return false;
  // Negative as soon as one byte is.
  let all = 0;
  for (let byte = 0; byte < PAIR_AT.length; byte++) {
    const value = byteAt(text, PAIR_AT[byte] as number);
    const word = byte >> 2;
    parsed[word] = ((parsed[word] as number) << 8) | value;
    all |= value;
  }
  if (all < 0) return false;
  for (let word = 0; word < UUID_WORDS; word++) into[offset + word] = parsed[word] as number;
  return true;
}

/** The canonical lower-case text of the UUID in `words[offset..offset + 3]`. */
export function formatUuid(words: Int32Array, offset: number): string {
  for (let byte = 0; byte < PAIR_AT.length; byte++) {
    const value = (words[offset + (byte >> 2)] as number) >>> (24 - 8 * (byte & 3));
    const at = PAIR_AT[byte] as number;
    text36[at] = DIGIT[(value >>> 4) & 15] as number;
    text36[at + 1] = DIGIT[value & 15] as number;
  }
  return text36.toString('latin1');
}
