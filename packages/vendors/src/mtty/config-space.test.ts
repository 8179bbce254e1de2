import { MttyConfigSpace } from '#dist/mtty/config-space.js';
import { describe, expect, test } from 'vitest';

function dword(config: MttyConfigSpace, offset: number): number {
  const bytes = new Uint8Array(4);
  config.read(offset, bytes);
  return new DataView(bytes.buffer).getUint32(0, true);
}

const write = (config: MttyConfigSpace, offset: number, value: number) =>
  config.write(offset, new Uint8Array(Uint32Array.of(value).buffer));

describe('configuration space', () => {
  test('mtty 6: the sizing question is answered with eight bytes; BAR1 is there with two ports only', () => {
    for (const [ports, bar1] of [
      [1, 0],
      [2, 0xfffffff9],
    ] as const) {
      const config = new MttyConfigSpace(ports);
      for (const offset of [0x10, 0x14]) write(config, offset, 0xffffffff);
      expect([dword(config, 0x10), dword(config, 0x14)]).toEqual([0xfffffff9, bar1]);
    }
  });

  test('mtty 7: command and status stay as they are', () => {
    const config = new MttyConfigSpace(2);
    for (const offset of [4, 6]) write(config, offset, 0xffffffff);
    config.write(4, Uint8Array.of(0xff));
    expect(dword(config, 4)).toBe(0x02000001);
  });

  test('an ordinary address is stored unmasked, and the low bits only gain', () => {
    const config = new MttyConfigSpace(1);
    write(config, 0x10, 0xc157);
    expect(dword(config, 0x10)).toBe(0xc157);
    write(config, 0x10, 0xc150);
    expect(dword(config, 0x10)).toBe(0xc153);
  });

  test('mended, the low bits are what they were made', () => {
    const config = new MttyConfigSpace(1, false);
    write(config, 0x10, 0xffffffff);
    expect(dword(config, 0x10)).toBe(0xfffffff9);
    write(config, 0x10, 0xc157);
    write(config, 0x10, 0xc152);
    expect(dword(config, 0x10)).toBe(0xc151);
  });

  test('a short write of an address counts as filled up with zeros, as a kernel with cleared stacks recorded', () => {
    for (const [bytes, stored] of [
      [[0xff], 0xff],
      [[0x78], 0x7b],
      [[0], 0x03],
      [[0xff, 0xff], 0xffff],
      [[0x78, 0x56], 0x567b],
      [[0, 0], 0x03],
    ] as const) {
      const config = new MttyConfigSpace(1);
      write(config, 0x10, 3);
      config.write(0x10, Uint8Array.from(bytes));
      expect(dword(config, 0x10)).toBe(stored);
    }
  });

  test('of the interrupt registers the line can be written, one byte of it', () => {
    const config = new MttyConfigSpace(1);
    write(config, 0x3c, 0x0a0b0c0d);
    config.write(0x3d, Uint8Array.of(9));
    expect(dword(config, 0x3c)).toBe(0x010d);
  });

  test('everything else ignores writes, and what lies behind the end reads 0', () => {
    const config = new MttyConfigSpace(2);
    const before = new Uint8Array(0x120);
    config.read(0, before);
    expect(before.subarray(0xff).every((byte) => byte === 0)).toBe(true);
    for (let offset = 0; offset < 0x120; offset += 4) {
      if (offset === 0x10 || offset === 0x14 || offset === 0x3c) continue;
      write(config, offset, 0xffffffff);
    }
    const after = new Uint8Array(0x120).fill(0xee);
    config.read(0, after);
    expect(after).toEqual(before);
  });
});
