/**
 * The data areas of CCWs as lists of indirect-data-address words (ccw section 5, cp_prefetch): how many words an area
 * has, where they are, which must be pinned. Called by `collect.ts` and `plan.ts`; pure.
 */
import { CCW, CCW_FLAGS, NO_OPERATION } from './architected.js';

/** What the ORB says about data addresses. */
export interface AddressFormat {
  /** IDAWs of 64 bits. */
  readonly c64: boolean;
  readonly i2k: boolean;
}

/** Bytes per IDAW of a data area. */
export function blockBytes({ c64, i2k }: AddressFormat): 2048 | 4096 {
  return c64 && !i2k ? 4096 : 2048;
}

/** Words of the area of the CCW at `at` that begins at `start`. A count of 0 is taken as 1. */
export function wordCount(ccws: Uint8Array, at: number, start: bigint, block: number): number {
  const bytes = CCW.get(ccws, 'count', at) || 1;
  return Math.ceil((Number(start % BigInt(block)) + bytes) / block);
}

/** The words of an area that is given by its address alone. */
export function fabricate(start: bigint, words: number, block: number): bigint[] {
  const size = BigInt(block);
  const aligned = start - (start % size);
  return Array.from({ length: words }, (_, word) => (word === 0 ? start : aligned + BigInt(word) * size));
}

/** Whether the channel moves bytes for the CCW at `at`: only then its area is pinned. */
export function movesData(ccws: Uint8Array, at: number): boolean {
  const command = ccws[at];
  if (CCW.get(ccws, 'count', at) === 0 || command === NO_OPERATION) return false;
  if ((ccws[at + 1] & CCW_FLAGS.skip) === 0) return true;
  const reads = (command & 0x03) === 0x02 || (command & 0x0f) === 0x0c || (command & 0x0f) === 0x04;
  return !reads;
}
