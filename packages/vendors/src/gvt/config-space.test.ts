import { GvtConfigSpace } from '#dist/gvt/config-space.js';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

const MB = 2 ** 20;
let events: unknown[];
let config: GvtConfigSpace;

beforeEach(() => {
  events = [];
  config = new GvtConfigSpace(0x1912, [16 * MB, 256 * MB], 0xe0000000, {
    trap: (trapped) => events.push(['trap', trapped]),
    softwareSci: (value) => events.push(['sci', value]),
  });
});

function read(offset: number, length = 4): number {
  const bytes = new Uint8Array(4);
  expect(config.read(offset, bytes.subarray(0, length))).toBe(true);
  return new DataView(bytes.buffer).getUint32(0, true);
}
const write = (offset: number, value: number, length = 4) =>
  config.write(offset, new Uint8Array(Uint32Array.of(value).buffer, 0, length));

describe('configuration space', () => {
  test('gvt 10: as created: nothing enabled, BAR2 where the host has the aperture, other BARs, ROM, OpRegion 0', () => {
    expect([read(0), read(4)]).toEqual([0x1912_8086, 0x0010_0000]);
    const bars = Array.from({ length: 6 }, (_, i) => read(0x10 + 4 * i));
    expect(bars).toEqual([0xf600_0004, 0, 0xe000_000c, 0, 0, 0]);
    expect([read(0x30), read(0xfc)]).toEqual([0, 0]);
  });

  test('a command takes one or two bytes; its memory bit has accesses to BAR0 trapped', () => {
    expect(write(4, 0xffff_ffff)).toBe(false);
    expect(write(4, 0xffff, 2)).toBe(true);
    expect(read(4)).toBe(0x0010_07ff);
    expect(write(4, 0, 1)).toBe(true);
    expect(read(4)).toBe(0x0010_0700);
    expect(events).toEqual([
      ['trap', true],
      ['trap', false],
    ]);
  });

  test('status: the low byte stays, errors are cleared by ones', () => {
    write(6, 0xffff, 2);
    expect(read(6, 2)).toBe(0x0010);
  });

  test.each([
    [0x10, 0xff00_0004],
    [0x14, 0xffff_ffff],
    [0x18, 0xf000_000c],
    [0x1c, 0xffff_ffff],
    [0x20, 0],
    [0x24, 0],
    [0x30, 0],
  ])('the register at 0x%s says how large it is', (offset, answer) => {
    expect(write(offset, 0xffff_ffff)).toBe(true);
    expect(read(offset)).toBe(answer);
  });

  test('a BAR keeps its kind and takes any address; sizing BAR0 ends the trap until it has an address again', () => {
    write(4, 2, 2);
    write(0x10, 0xffff_ffff);
    write(0x10, 0x8000_000f);
    expect(read(0x10)).toBe(0x8000_0004);
    write(0x18, 0x1234_5671);
    expect(read(0x18)).toBe(0x1234_567c);
    expect(events).toEqual([
      ['trap', true],
      ['trap', false],
      ['trap', true],
    ]);
  });

  test('the ROM takes an address, and is sized by its address bits alone', () => {
    write(0x30, 0x1234_5fff);
    expect(read(0x30)).toBe(0x1234_5801);
    write(0x30, 0xffff_f800);
    expect(read(0x30)).toBe(0);
  });

  test('unaligned accesses to BARs, ROM, SWSCI and OpRegion base, and those behind the end, are refused', () => {
    for (const offset of [0x11, 0x12, 0x32, 0xe9, 0xfe]) expect(write(offset, 1, 1)).toBe(false);
    expect(write(4094, 1)).toBe(false);
    expect(config.read(4093, new Uint8Array(4))).toBe(false);
    expect(write(4092, 1)).toBe(true);
  });

  test('OpRegion base and software SCI reach the emulation; D3hot is noted', () => {
    write(0xfc, 0xabcd_e000);
    expect([config.opRegionFrames, read(0xfc)]).toEqual([[0xabcde, 0xabcdf], 0xabcd_e000]);
    write(0xe8, 1, 2);
    expect([events, read(0xe8)]).toEqual([[['sci', 1]], 1]);
    write(0xd4, 2, 2);
    expect(config.sleeping).toBe(false);
    write(0xd4, 3, 1);
    expect(config.sleeping).toBe(true);
    config.reset();
    expect([config.sleeping, config.opRegionFrames, read(0xd4)]).toEqual([true, [0, 0], 0]);
  });

  test('of the header nothing else can be written; above it, everything', () => {
    fc.assert(
      fc.property(fc.nat(4095), fc.constantFrom(1, 2, 4), fc.nat(0xffffffff), (at, length, value) => {
        const offset = at & ~(length - 1);
        config.reset();
        const before = new Uint8Array(4096);
        const after = new Uint8Array(4096);
        config.read(0, before);
        const taken = write(offset, value, length);
        config.read(0, after);
        const changed = [...after.keys()].filter((byte) => before[byte] !== after[byte]);
        expect(changed.every((byte) => taken && byte >= offset && byte < offset + length)).toBe(true);
        const writable = [4, 5, 0x0c, 0x3c, ...Array.from({ length: 24 }, (_, i) => 0x10 + i), 0x30, 0x31, 0x32, 0x33];
        expect(changed.every((byte) => byte >= 0x40 || byte === 7 || writable.includes(byte))).toBe(true);
        const isWindow = (register: number) => offset <= register && register < offset + length;
        if (taken && offset >= 0x40 && !isWindow(0xe8) && !isWindow(0xfc)) {
          const expected = new Uint8Array(Uint32Array.of(value).buffer, 0, length);
          expect(after.subarray(offset, offset + length)).toEqual(expected);
        }
      }),
    );
  });
});
