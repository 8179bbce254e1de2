/** Random numbers that follow from a seed. */
import { Random } from '#dist/storm/random.js';
import { describe, expect, test } from 'vitest';

function draw(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.next());
}

describe('random numbers', () => {
  test('are the same for the same seed and stream, and differ for others', () => {
    const first = draw(new Random(7, 3), 50);
    expect(draw(new Random(7, 3), 50)).toEqual(first);
    for (const other of [new Random(8, 3), new Random(7, 4), new Random(3, 7)]) {
      expect(draw(other, 50).some((value, at) => value === first[at])).toBe(false);
    }
  });

  test('are these for seed 1: whoever changes them changes what every seed means', () => {
    expect(draw(new Random(1), 3)).toEqual([4228523482, 1828367850, 425327738]);
  });

  test('stay within their limits and reach them', () => {
    const random = new Random(1);
    const drawn = Array.from({ length: 1000 }, () => random.between(3, 6));
    expect([...new Set(drawn)].sort()).toEqual([3, 4, 5, 6]);
    expect(new Set(Array.from({ length: 1000 }, () => random.below(2)))).toEqual(new Set([0, 1]));
  });

  test('choose by weight, and never what has none', () => {
    const random = new Random(2);
    const weights = [
      ['often', 9],
      ['never', 0],
      ['seldom', 1],
    ] as const;
    const drawn = Array.from({ length: 2000 }, () => random.weighted(weights));
    expect(drawn).not.toContain('never');
    const often = drawn.filter((each) => each === 'often').length;
    expect(often).toBeGreaterThan(1700);
    expect(often).toBeLessThan(1900);
  });

  test('make version 4 UUIDs', () => {
    const random = new Random(5);
    for (let count = 0; count < 100; count++) {
      expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });
});
