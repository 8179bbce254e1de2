import { formatUuid, parseUuid } from '@mediated/core/memory';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const canonical = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';

describe('uuid text', () => {
  test('parses into words, most significant byte first, at the offset', () => {
    const words = new Int32Array(6).fill(7);
    expect(parseUuid(canonical, words, 1)).toBe(true);
    expect([...words].map((word) => word >>> 0)).toEqual([7, 0x83b8f4f2, 0x509f382f, 0x3c1ee6bf, 0xe0fa1001, 7]);
  });

  test('upper case is the same UUID, and is shown in lower case', () => {
    const words = new Int32Array(4);
    expect(parseUuid(canonical.toUpperCase(), words, 0)).toBe(true);
    expect(formatUuid(words, 0)).toBe(canonical);
  });

  test('neither version nor variant is looked at', () => {
    const words = new Int32Array(4);
    for (const digit of ['0', 'f']) {
      const text = canonical.replaceAll(/[0-9a-f]/g, digit);
      expect(parseUuid(text, words, 0)).toBe(true);
      expect(formatUuid(words, 0)).toBe(text);
    }
  });

  test('refuses every other text and leaves the words alone', () => {
    const words = new Int32Array(4).fill(5);
    const wrong = [
      '',
      `${canonical} `,
      ` ${canonical}`,
      canonical.slice(1),
      `${canonical}\n`,
      `{${canonical.slice(2)}}`,
    ];
    for (let at = 0; at < 36; at++) {
      const replacements =
        canonical[at] === '-' ? ['0', '_', ' '] : ['-', 'g', 'G', ' ', '\0', '\u0130', '/', ':', '@', '`'];
      for (const character of replacements) wrong.push(canonical.slice(0, at) + character + canonical.slice(at + 1));
    }
    for (const text of wrong) expect(parseUuid(text, words, 0), JSON.stringify(text)).toBe(false);
    expect([...words]).toEqual([5, 5, 5, 5]);
  });

  test('text and words go over into each other, and order alike', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (left, right) => {
        const words = new Int32Array(8);
        expect(parseUuid(left, words, 0) && parseUuid(right, words, 4)).toBe(true);
        expect([formatUuid(words, 0), formatUuid(words, 4)]).toEqual([left, right]);
        const at = [0, 1, 2, 3].find((word) => words[word] !== words[word + 4]) ?? 0;
        const less = (words[at] as number) >>> 0 < (words[at + 4] as number) >>> 0;
        expect(less).toBe(left < right);
      }),
    );
  });
});
