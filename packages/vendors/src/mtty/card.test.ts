import { MttyCard, REGION_BYTES } from '#dist/mtty/card.js';
import { describe, expect, test } from 'vitest';

const fault = expect.objectContaining({ code: 'EFAULT', errno: -14 });

function read(card: MttyCard, region: number, offset: number, length: number): number[] {
  const bytes = new Uint8Array(length).fill(0xee);
  expect(card.read(region * REGION_BYTES + offset, bytes)).toBe(length);
  return [...bytes];
}

const write = (card: MttyCard, region: number, offset: number, ...bytes: number[]) =>
  card.write(region * REGION_BYTES + offset, Uint8Array.from(bytes));

describe('card', () => {
  test('each piece reaches one register; its other bytes read 0 and are not written', () => {
    const card = new MttyCard(1);
    expect(write(card, 0, 7, 0x11, 0x22)).toBe(2);
    expect(write(card, 0, 4, 0x08, 0xff, 0xff, 0x33)).toBe(4);
    expect(read(card, 0, 0, 8)).toEqual([0, 0, 0, 0, 0x08, 0, 0, 0]);
    expect(read(card, 0, 5, 3)).toEqual([0x60, 0xb3, 0]);
    expect(read(card, 0, 7, 1)).toEqual([0x11]);
  });

  test('the two ports are apart, also the hidden one of a card that has one', () => {
    for (const ports of [1, 2] as const) {
      const card = new MttyCard(ports);
      write(card, 0, 7, 1);
      write(card, 1, 7, 2);
      expect([...read(card, 0, 7, 1), ...read(card, 1, 7, 1)]).toEqual([1, 2]);
    }
  });

  test('an offset inside a region counts modulo 64 KiB', () => {
    const card = new MttyCard(1);
    write(card, 0, 0x10007, 5);
    expect(read(card, 0, 7, 1)).toEqual([5]);
    expect(read(card, 7, 0x10000, 2)).toEqual([0x48, 0x43]);
  });

  test.each([2, 3, 4, 5, 6, 8, 9])('region %i has no registers: EFAULT; no bytes at all are 0 bytes', (region) => {
    const card = new MttyCard(2);
    expect(() => read(card, region, 0, 1)).toThrow(fault);
    expect(() => write(card, region, 0, 1)).toThrow(fault);
    expect(read(card, region, 0, 0)).toEqual([]);
  });

  test('mtty 21: a transfer that reaches into a bad region is EFAULT, not a short count', () => {
    const card = new MttyCard(2);
    expect(() => read(card, 1, REGION_BYTES - 4, 8)).toThrow(fault);
    expect(() => write(card, 7, REGION_BYTES - 1, 0, 0)).toThrow(fault);
    expect(read(card, 0, REGION_BYTES - 4, 5)).toEqual([0, 0, 0, 0, 0]);
  });
});
