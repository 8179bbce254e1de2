import {
  bitsOf,
  both,
  clearBit,
  emptyMask,
  hasBit,
  hexOf,
  intersects,
  isEmpty,
  maskOf,
  setBit,
  without,
} from '#dist/ap/masks.js';
import { parseConfiguration, parseMask, parseMaskChange, parseNumber } from '#dist/ap/written.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const bits = fc.uniqueArray(fc.nat(255)).map((list) => list.sort((a, b) => a - b));
const invalid = expect.objectContaining({ code: 'EINVAL' });

describe('masks', () => {
  test('bit 0 is the leftmost', () => {
    expect(hexOf(maskOf([0, 5, 255]))).toBe(`84${'0'.repeat(61)}1`);
  });

  test('they are sets', () => {
    fc.assert(
      fc.property(bits, bits, (a, b) => {
        const [left, right] = [maskOf(a), maskOf(b)];
        expect(bitsOf(left)).toEqual(a);
        expect(bitsOf(both(left, right))).toEqual(a.filter((bit) => b.includes(bit)));
        expect(bitsOf(without(left, right))).toEqual(a.filter((bit) => !b.includes(bit)));
        expect(intersects(left, right)).toBe(a.some((bit) => b.includes(bit)));
        for (const bit of a) clearBit(left, bit);
        expect(isEmpty(left)).toBe(true);
        for (const bit of b) {
          setBit(left, bit);
          expect(hasBit(left, bit)).toBe(true);
        }
        expect(left).toEqual(right);
      }),
    );
  });
});

describe('numbers', () => {
  test.each([
    ['0', 0],
    ['7\n', 7],
    ['0x1F', 31],
    ['017', 15],
    ['+3', 3],
    ['18446744073709551615', 2 ** 64],
  ])('%j is %i', (text, number) => expect(parseNumber(text)).toBe(number));

  test('anything else is EINVAL, more than 64 bits ERANGE', () => {
    for (const text of ['', '\n', 'x', '0x', '08', '1 ', ' 1', '1\n\n', '-1', '1e3', '0b1']) {
      expect(() => parseNumber(text), JSON.stringify(text)).toThrow(invalid);
    }
    expect(() => parseNumber('0x10000000000000000')).toThrow(expect.objectContaining({ code: 'ERANGE' }));
  });
});

describe('masks as text', () => {
  test('what is printed is read back; short ones are filled up on the right', () => {
    fc.assert(
      fc.property(bits, (list) => {
        expect(bitsOf(parseMask(`0x${hexOf(maskOf(list))}`))).toEqual(list);
      }),
    );
    expect(bitsOf(parseMask('0x8'))).toEqual([0]);
    expect(bitsOf(parseMask(''))).toEqual([]);
    for (const text of ['0x0x', 'g', '0'.repeat(65), ' 0', '-1']) expect(() => parseMask(text)).toThrow(invalid);
  });

  test('changes: single ids and ranges, in any base', () => {
    const present = maskOf([1, 2, 3]);
    const changed = (text: string) => bitsOf(parseMaskChange(present, text));
    expect(changed('+0,-2,+0x10-0x12\n')).toEqual([0, 1, 3, 16, 17, 18]);
    expect(changed('-0-255')).toEqual([]);
    expect(changed('0x8\n')).toEqual([0]);
    expect(bitsOf(present)).toEqual([1, 2, 3]);
    for (const text of ['+256', '+3-1', '+', '+a', '+1-', '+1,2', '+1,', 'zz']) {
      expect(() => changed(text), text).toThrow(invalid);
    }
  });

  test('ap_config: three masks, separated by commas or newlines, in the first 201 characters', () => {
    const mask = (digit: string) => `0x${digit.repeat(64)}`;
    expect(parseConfiguration('0x8,4\n2').map(bitsOf)).toEqual([[0], [1], [2]]);
    expect(parseConfiguration('8,4,\n').map(bitsOf)).toEqual([[0], [1], []]);
    expect(parseConfiguration(`${mask('f')},${mask('0')},${mask('f')}\n`)[2]).toEqual(maskOf(Array(256).keys()));
    expect(parseConfiguration(`8,4,2,junk`).map(bitsOf)).toEqual([[0], [1], [2]]);
    expect(parseConfiguration(`8,4,2\n${'x'.repeat(300)}`).map(bitsOf)).toEqual([[0], [1], [2]]);
    for (const text of ['', '8', '8,4', 'x,4,2', '8 ,4,2']) expect(() => parseConfiguration(text)).toThrow(invalid);
  });

  test('no text is anything but three masks or EINVAL', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-fx,\n+-]{0,210}$/)), (text) => {
        try {
          expect(parseConfiguration(text).length).toBe(3);
        } catch (error) {
          expect(error).toEqual(invalid);
        }
        try {
          expect(parseMaskChange(emptyMask(), text).length).toBe(8);
        } catch (error) {
          expect(['EINVAL', 'ERANGE']).toContain((error as { code: string }).code);
        }
      }),
    );
  });
});
