/** Structures of the user API lie where a C compiler puts them (spec/vfio-core section 21.2). */
import { defineStruct, IRQ_SET_BYTES, irqSet, readArgument, REGION_INFO_BYTES, regionInfo } from '@mediated/vfio/uapi';
import { describe, expect, test } from 'vitest';

describe('placing', () => {
  test('fields are aligned to their size, and the size to the largest', () => {
    const mixed = defineStruct([
      ['id', 'u16'],
      ['size', 'u64'],
      ['fd', 's32'],
    ]);
    expect(mixed.offsets).toEqual({ id: 0, size: 8, fd: 16 });
    expect(mixed.size).toBe(24);
    const bytes = mixed.bytes({ id: 0xffff, size: 2n ** 64n - 1n, fd: -1 });
    expect(mixed.decode(bytes)).toEqual({ id: 0xffff, size: 2n ** 64n - 1n, fd: -1 });
    expect([...bytes.subarray(0, 3)]).toEqual([0xff, 0xff, 0]);
  });
});

test('encoding leaves alone what is not given', () => {
  const bytes = new Uint8Array(32).fill(0xee);
  regionInfo.encode(bytes, { size: 255n });
  expect(regionInfo.decode(bytes)).toMatchObject({ argsz: 0xeeeeeeee, size: 255n, offset: 0xeeeeeeeeeeeeeeeen });
});

describe('the argument of an ioctl', () => {
  test('fewer bytes than are read is EFAULT', () => {
    const run = () => readArgument(regionInfo, new Uint8Array(REGION_INFO_BYTES - 1), REGION_INFO_BYTES);
    expect(run).toThrow(expect.objectContaining({ code: 'EFAULT' }));
  });

  test('a smaller argsz is EINVAL, a larger one is not', () => {
    const argument = (argsz: number) => irqSet.bytes({ argsz, index: 3 });
    expect(() => readArgument(irqSet, argument(19), IRQ_SET_BYTES)).toThrow(
      expect.objectContaining({ code: 'EINVAL' }),
    );
    expect(readArgument(irqSet, argument(64), IRQ_SET_BYTES)).toMatchObject({ argsz: 64, index: 3 });
  });
});
