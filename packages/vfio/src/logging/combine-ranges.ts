/** For drivers that can log fewer ranges than a program asks for (spec/vfio-core section 13). Pure. */
import type { IovaRange } from './iova-range.js';

/**
 * At most `slots` ranges that cover all that are given: neighbours are merged, those with the smallest gap between them
 * first, of several such the first pair. The ranges are in the order of their addresses and apart from each other, as
 * `DmaLoggingOperations.start` gets them; so is what is returned. `slots` is 1 or more.
 */
export function combineRanges(ranges: readonly IovaRange[], slots: number): IovaRange[] {
  const combined = [...ranges];
  if (slots < 1) throw new RangeError(`ranges cannot be combined into ${slots}`);
  while (combined.length > slots) {
    const at = narrowestGap(combined);
    const [left, right] = [combined[at], combined[at + 1]] as [IovaRange, IovaRange];
    combined.splice(at, 2, { iova: left.iova, length: right.iova + right.length - left.iova });
  }
  return combined;
}

/** Number of the range before the smallest gap. */
function narrowestGap(ranges: readonly IovaRange[]): number {
  let best = 0;
  let smallest: bigint | undefined;
  for (let at = 0; at + 1 < ranges.length; at++) {
    const [left, right] = [ranges[at], ranges[at + 1]] as [IovaRange, IovaRange];
    const gap = right.iova - (left.iova + left.length);
    if (smallest !== undefined && gap >= smallest) continue;
    smallest = gap;
    best = at;
  }
  return best;
}
