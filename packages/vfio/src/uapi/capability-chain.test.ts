import {
  type Capability,
  capabilityHeader,
  encodeWithCapabilities,
  REGION_FLAGS,
  readCapabilities,
  regionInfo,
} from '@mediated/vfio/uapi';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** A capability of some bytes behind its header. */
const capability = (id: number, length: number) => {
  const bytes = new Uint8Array(8 + length).fill(id);
  capabilityHeader.encode(bytes, { id, version: 1, next: 0 });
  return bytes;
};

const capabilities = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 255 }), fc.nat(40)), { maxLength: 5 })
  .map((list) => list.map(([id, length]) => capability(id, length)));

function answer(argsz: number, list: readonly Uint8Array[], length = argsz): [Uint8Array, typeof values] {
  const argument = regionInfo.bytes({ argsz, index: 3, cap_offset: 77 }, length);
  encodeWithCapabilities(regionInfo, argument, { flags: REGION_FLAGS.read, size: 5n }, list, REGION_FLAGS.caps);
  const values = regionInfo.decode(argument);
  return [argument, values];
}

describe('capability chains', () => {
  test('vfio-core 23.27: sizes rounded to 8, offsets strictly increasing, the last next is 0', () => {
    fc.assert(
      fc.property(capabilities, fc.nat(64), (list, room) => {
        fc.pre(list.length > 0);
        const needed = list.reduce((sum, { length }) => sum + Math.ceil(length / 8) * 8, 32);
        const [argument, info] = answer(needed + room, list);
        expect(info).toMatchObject({ argsz: needed + room, flags: 9, index: 3, cap_offset: 32, size: 5n });
        const found = readCapabilities(argument, info.cap_offset);
        expect(found.map(({ id }) => id)).toEqual(list.map(([id]) => id));
        let at = 32;
        for (const [number, { bytes }] of found.entries()) {
          expect(bytes.byteOffset - argument.byteOffset).toBe(at);
          const original = list[number] as Uint8Array;
          expect(bytes.subarray(8, original.length)).toEqual(original.subarray(8));
          at += Math.ceil(original.length / 8) * 8;
        }
        expect(at).toBe(needed);
        expect(argument.subarray(needed).every((byte) => byte === 0)).toBe(true);
      }),
    );
  });

  test('vfio-core 23.27: a short argsz is success, tells what is needed, and has cap_offset 0', () => {
    fc.assert(
      fc.property(capabilities, fc.nat(200), (list, missing) => {
        const needed = list.reduce((sum, { length }) => sum + Math.ceil(length / 8) * 8, 32);
        fc.pre(list.length > 0 && needed - 1 - missing >= 32);
        const argsz = needed - 1 - missing;
        const [argument, info] = answer(argsz, list, needed);
        expect(info).toMatchObject({ argsz: needed, flags: 9, index: 3, cap_offset: 0, size: 5n });
        expect(argument.subarray(32).every((byte) => byte === 0)).toBe(true);
        expect(answer(info.argsz, list)[1].cap_offset).toBe(32);
      }),
    );
  });

  test('without capabilities nothing of them is touched, and nothing behind argsz', () => {
    expect(answer(40, [])[1]).toMatchObject({ argsz: 40, flags: 1, cap_offset: 77, size: 5n });
    const argument = regionInfo.bytes({ argsz: 16 });
    encodeWithCapabilities(regionInfo, argument, { flags: 1, size: 5n }, [], 8);
    expect(regionInfo.decode(argument)).toMatchObject({ argsz: 16, flags: 1, size: 0n });
  });

  test('an argument that is shorter than its argsz is EFAULT when those bytes are needed', () => {
    const run = () => answer(64, [capability(1, 8)], 40);
    expect(run).toThrow(expect.objectContaining({ code: 'EFAULT' }));
  });

  test('whatever a device answers, reading ends: with capabilities inside the answer or with EIO', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(80), (bytes, capOffset) => {
        let found: Capability[] = [];
        try {
          found = readCapabilities(bytes, capOffset);
        } catch (error) {
          expect(error).toMatchObject({ code: 'EIO' });
        }
        expect(found.every((one) => one.bytes.length >= 8)).toBe(true);
      }),
    );
  });
});
