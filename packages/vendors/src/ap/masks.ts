/**
 * 256-bit masks of adapters and domains (ap section 1). Bit 0 is the leftmost, most significant one. Pure functions on
 * eight words, which may lie in shared memory; whoever owns the words says which lock protects them.
 */

/** Eight words: word `i` holds bits `32 i` to `32 i + 31`, the first of them most significant. */
export type Mask = Int32Array;

export const MASK_BITS = 256;
export const MASK_WORDS = 8;
export const MASK_DIGITS = MASK_BITS / 4;

export function emptyMask(): Int32Array<ArrayBuffer> {
  return new Int32Array(MASK_WORDS);
}

/** A mask with just these bits. */
export function maskOf(bits: Iterable<number>): Int32Array<ArrayBuffer> {
  const mask = emptyMask();
  for (const bit of bits) setBit(mask, bit);
  return mask;
}

export function hasBit(mask: Mask, bit: number): boolean {
  return ((mask[bit >>> 5] as number) & (0x80000000 >>> (bit & 31))) !== 0;
}

export function setBit(mask: Mask, bit: number): void {
  (mask[bit >>> 5] as number) |= 0x80000000 >>> (bit & 31);
}

export function clearBit(mask: Mask, bit: number): void {
  (mask[bit >>> 5] as number) &= ~(0x80000000 >>> (bit & 31));
}

/** Numbers of the bits that are set, ascending. */
export function bitsOf(mask: Mask): number[] {
  const bits: number[] = [];
  for (let word = 0; word < MASK_WORDS; word++) {
    for (let left = mask[word] as number; left !== 0; ) {
      const bit = Math.clz32(left);
      bits.push(32 * word + bit);
      left &= ~(0x80000000 >>> bit);
    }
  }
  return bits;
}

export function isEmpty(mask: Mask): boolean {
  return mask.every((word) => word === 0);
}

export function isEqual(a: Mask, b: Mask): boolean {
  return a.every((word, i) => word === b[i]);
}

/** Whether any bit is set in both. */
export function intersects(a: Mask, b: Mask): boolean {
  return a.some((word, i) => (word & (b[i] as number)) !== 0);
}

/** A new mask of the bits set in both. */
export function both(a: Mask, b: Mask): Int32Array<ArrayBuffer> {
  return Int32Array.from(a, (word, i) => word & (b[i] as number));
}

/** A new mask of the bits set in `a` but not in `b`. */
export function without(a: Mask, b: Mask): Int32Array<ArrayBuffer> {
  return Int32Array.from(a, (word, i) => word & ~(b[i] as number));
}

/** 64 hexadecimal digits, as the kernel prints a mask. */
export function hexOf(mask: Mask): string {
  return Array.from(mask, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
