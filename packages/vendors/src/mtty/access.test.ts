import { type AccessSize, splitAccess } from '#dist/mtty/access.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

function pieces(position: number, length: number, fails = Number.POSITIVE_INFINITY): [number, number[][]] {
  const seen: number[][] = [];
  const done = splitAccess(position, length, (at, start, size) => {
    if (at >= fails) return false;
    seen.push([at, start, size]);
    return true;
  });
  return [done, seen];
}

describe('splitAccess', () => {
  test.each([
    [0, 8, [4, 4]],
    [1, 7, [1, 2, 4]],
    [2, 4, [2, 2]],
    [3, 3, [1, 2]],
    [4, 3, [2, 1]],
    [0, 0, []],
  ])('%i bytes at %i: pieces of 4, 2 and 1 by alignment', (position, length, sizes) => {
    expect(pieces(position, length)[1].map(([, , size]) => size)).toEqual(sizes);
  });

  test('pieces are aligned, adjoin each other and cover everything, also beyond 32 bits', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 30), fc.nat(8), fc.nat(40), (low, region, length) => {
        const position = region * 2 ** 40 + low;
        const [done, seen] = pieces(position, length);
        let end = position;
        for (const [at, start, size] of seen as [number, number, AccessSize][]) {
          expect([at, start, at % size]).toEqual([end, end - position, 0]);
          end += size;
        }
        expect([done, end]).toEqual([length, position + length]);
      }),
    );
  });

  test('a failing piece ends the transfer; what came before is done', () => {
    expect(pieces(0, 12, 8)).toEqual([
      8,
      [
        [0, 0, 4],
        [4, 4, 4],
      ],
    ]);
    expect(pieces(8, 4, 8)).toEqual([0, []]);
  });
});
