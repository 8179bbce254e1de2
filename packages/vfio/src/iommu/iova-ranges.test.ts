/** Lists of ranges against sets of numbers. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clip, exclude, holds, type IovaRange } from '#dist/iommu/iova-ranges.js';

const MOST = 40;
const range = fc.tuple(fc.nat(MOST), fc.nat(MOST)).map(([a, b]): IovaRange => {
  return { start: BigInt(Math.min(a, b)), last: BigInt(Math.max(a, b)) };
});

function numbersOf(ranges: readonly IovaRange[]): number[] {
  return ranges.flatMap(({ start, last }) =>
    Array.from({ length: Number(last - start) + 1 }, (_, index) => Number(start) + index),
  );
}

test('clipping, excluding and holding are intersection, difference and subset; order and disjointness stay', () => {
  fc.assert(
    fc.property(range, fc.array(range, { maxLength: 4 }), range, (whole, holes, other) => {
      const list = holes.reduce<readonly IovaRange[]>(exclude, [whole]);
      const numbers = numbersOf(list);
      const gone = new Set(numbersOf(holes));
      expect(numbers).toEqual(numbersOf([whole]).filter((n) => !gone.has(n)));
      const others = new Set(numbersOf([other]));
      expect(numbersOf(clip(list, other))).toEqual(numbers.filter((n) => others.has(n)));
      const inside = numbersOf([other]).every((n) => numbers.includes(n));
      // Two neighbours that touch are two ranges; nothing that is cut here leaves such.
      expect(holds(list, other)).toBe(inside);
    }),
  );
});
