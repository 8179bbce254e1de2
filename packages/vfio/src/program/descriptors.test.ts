/** The binary face: what a real kernel answered programs that open groups and containers, numbers, paths, bad arguments. */
import type { Mdev } from '@mediated/core';
import { Descriptors, openDevice } from '@mediated/vfio';
import {
  CHECK_EXTENSION,
  DEVICE_GET_GFX_DMABUF,
  DEVICE_GET_INFO,
  DEVICE_PCI_HOT_RESET,
  DEVICE_SET_IRQS,
  dmaMap,
  dmaUnmap,
  GET_API_VERSION,
  GROUP_GET_DEVICE_FD,
  GROUP_GET_STATUS,
  GROUP_SET_CONTAINER,
  GROUP_UNSET_CONTAINER,
  groupStatus,
  IOMMU_GET_INFO,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  IRQ_SET_BYTES,
  irqSet,
  pciHotReset,
  SET_IOMMU,
} from '@mediated/vfio/uapi';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GuestStage, groupOf } from '../../dist-fixtures/control/guest-stage.fixture.js';

const ENODEV = -19;
const EINVAL = -22;
const EBUSY = -16;
const EFAULT = -14;
const EBADF = -9;
const EBADFD = -77;
const EEXIST = -17;
const ENOTTY = -25;
const ENOENT = -2;

let stage: GuestStage;
let mdev: Mdev;
let descriptors: Descriptors;
let next = 0;

beforeAll(async () => {
  stage = await GuestStage.set();
});
afterAll(() => stage[Symbol.asyncDispose]());
beforeEach(async () => {
  mdev = await stage.create(++next);
  descriptors = new Descriptors(stage.bus);
});
afterEach(() => descriptors.closeAll());

/** What a system call returns: its result or a negative errno. */
function call(asked: Promise<number>): Promise<number> {
  return asked.catch((error: { errno?: number }) => {
    if (error.errno === undefined) throw error;
    return error.errno;
  });
}

const ioctl = (...asked: Parameters<Descriptors['ioctl']>) => call(descriptors.ioctl(...asked));
const open = (path: string) => call(descriptors.open(path));
const groupPath = () => `/dev/vfio/${groupOf(mdev)}`;
const fd = (number: number) => new Uint8Array(Int32Array.of(number).buffer);
const name = (text: string) => Buffer.from(`${text}\0`, 'latin1');
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** A group in a container with an IOMMU. */
async function prepare(type = 3): Promise<{ group: number; container: number }> {
  const [container, group] = [await open('/dev/vfio/vfio'), await open(groupPath())];
  expect(await ioctl(group, GROUP_SET_CONTAINER, fd(container))).toBe(0);
  expect(await ioctl(container, SET_IOMMU, type)).toBe(0);
  return { group, container };
}

describe('as recorded', () => {
  test('a fresh container', async () => {
    const container = await open('/dev/vfio/vfio');
    expect(await ioctl(container, GET_API_VERSION)).toBe(0);
    const known: number[] = [];
    for (let extension = 0; extension < 25; extension++) {
      if ((await ioctl(container, CHECK_EXTENSION, extension)) === 1) known.push(extension);
    }
    expect(known).toEqual([1, 3, 6, 9]);
    expect(await ioctl(container, CHECK_EXTENSION, -1)).toBe(0);
    for (let type = 0; type <= 10; type++) expect(await ioctl(container, SET_IOMMU, type)).toBe(EINVAL);
    for (const command of [IOMMU_GET_INFO, IOMMU_MAP_DMA, (0x3b << 8) + 50, 0, 0x5401]) {
      expect(await ioctl(container, command, new Uint8Array(64))).toBe(EINVAL);
    }
    expect(await call(descriptors.read(container, 4).then(({ length }) => length))).toBe(EINVAL);
    expect(await call(descriptors.write(container, new Uint8Array(4)))).toBe(EINVAL);
    expect(await call(descriptors.mmap(container, 4096, 0).then(() => 0))).toBe(ENODEV);
    expect(descriptors.poll(container)).toBe(5);
  });

  test('a group before it is in a container', async () => {
    const group = await open(groupPath());
    expect(await open(groupPath())).toBe(EBUSY);
    for (const [argsz, result, flags] of [
      [0, EINVAL, 119],
      [4, EINVAL, 119],
      [7, EINVAL, 119],
      [8, 0, 1],
      [9, 0, 1],
      [100, 0, 1],
    ] as const) {
      const argument = groupStatus.bytes({ argsz, flags: 119 });
      expect(await ioctl(group, GROUP_GET_STATUS, argument)).toBe(result);
      expect(groupStatus.decode(argument)).toEqual({ argsz, flags });
    }
    expect(await ioctl(group, GROUP_GET_STATUS, null)).toBe(EFAULT);
    expect(await ioctl(group, GROUP_GET_DEVICE_FD, name(mdev.uuid))).toBe(EINVAL);
    expect(await ioctl(group, GROUP_GET_DEVICE_FD, name('wrong'))).toBe(ENODEV);
    expect(await ioctl(group, GROUP_UNSET_CONTAINER)).toBe(EINVAL);
    expect(await ioctl(group, GROUP_SET_CONTAINER, fd(9999))).toBe(EBADF);
    expect(await ioctl(group, GROUP_SET_CONTAINER, fd(-1))).toBe(EBADF);
    expect(await ioctl(group, GROUP_SET_CONTAINER, fd(await open('/dev/null')))).toBe(EBADFD);
    expect(await ioctl(group, GROUP_SET_CONTAINER, fd(group))).toBe(EBADFD);
    expect(await ioctl(group, GROUP_SET_CONTAINER, null)).toBe(EFAULT);
  });

  test('a group in a container', async () => {
    const [container, group, other] = [
      await open('/dev/vfio/vfio'),
      await open(groupPath()),
      await open('/dev/vfio/vfio'),
    ];
    expect(await ioctl(group, GROUP_SET_CONTAINER, fd(container))).toBe(0);
    const status = groupStatus.bytes({ argsz: 8 });
    expect(await ioctl(group, GROUP_GET_STATUS, status)).toBe(0);
    expect(groupStatus.decode(status).flags).toBe(3);
    expect(await ioctl(group, GROUP_SET_CONTAINER, fd(container))).toBe(EINVAL);
    expect(await ioctl(group, GROUP_SET_CONTAINER, fd(other))).toBe(EINVAL);
    expect(await ioctl(group, GROUP_GET_DEVICE_FD, name(mdev.uuid))).toBe(EINVAL);
    for (const extension of [1, 3, 6, 9]) expect(await ioctl(container, CHECK_EXTENSION, extension)).toBe(1);
    for (const type of [0, 2, 4, 5, 7, 8, 10]) expect(await ioctl(container, SET_IOMMU, type)).toBe(ENODEV);
    expect(await ioctl(container, SET_IOMMU, 9)).toBe(EINVAL);
    expect(await ioctl(container, SET_IOMMU, 3)).toBe(0);
    expect(await ioctl(container, SET_IOMMU, 3)).toBe(EINVAL);
    expect(await ioctl(container, SET_IOMMU, 1)).toBe(EINVAL);
    for (const extension of [1, 3, 4, 6, 9]) expect(await ioctl(container, CHECK_EXTENSION, extension)).toBe(1);
    expect(await ioctl(container, CHECK_EXTENSION, 10)).toBe(0);
    const info = new Uint8Array(1024);
    new DataView(info.buffer).setUint32(0, 24, true);
    expect(await ioctl(container, IOMMU_GET_INFO, info)).toBe(0);
    expect(hex(info.subarray(0, 24))).toBe('480000000300000000f0ffffffffffff0000000000000000');
    new DataView(info.buffer).setUint32(0, 1024, true);
    expect(await ioctl(container, IOMMU_GET_INFO, info)).toBe(0);
    expect(hex(info.subarray(0, 72))).toBe(
      '000400000300000000f0ffffffffffff1800000000000000' +
        '0200010038000000000000000000000000100000000000000000001000000000' +
        '0300010000000000ffff000000000000',
    );
    for (const [text, result] of [
      ['wrong', ENODEV],
      ['', ENODEV],
      [`${mdev.uuid}\n`, ENODEV],
      [`${mdev.uuid} `, ENODEV],
      [mdev.uuid.slice(0, 35), ENODEV],
      [`${mdev.uuid} option=1`, ENODEV],
      [`mdev/${mdev.uuid}`, ENODEV],
      ['x'.repeat(4095), ENODEV],
      ['x'.repeat(4096), EINVAL],
      ['x'.repeat(10_000), EINVAL],
      [(await stage.create(0xabcdef)).uuid.toUpperCase(), ENODEV],
    ] as const) {
      expect(await ioctl(group, GROUP_GET_DEVICE_FD, name(text)), text.slice(0, 50)).toBe(result);
    }
    expect(await ioctl(group, GROUP_GET_DEVICE_FD, null)).toBe(EFAULT);
    expect(await ioctl(group, (0x3b << 8) + 50)).toBe(ENOTTY);
    expect(await ioctl(group, DEVICE_GET_INFO)).toBe(ENOTTY);
    expect(await call(descriptors.read(group, 4).then(({ length }) => length))).toBe(EINVAL);
  });

  test('devices of a group', async () => {
    const { group, container } = await prepare();
    const [first, second] = [
      await ioctl(group, GROUP_GET_DEVICE_FD, name(mdev.uuid)),
      await ioctl(group, GROUP_GET_DEVICE_FD, name(mdev.uuid)),
    ];
    expect(await ioctl(group, GROUP_UNSET_CONTAINER)).toBe(EBUSY);
    expect((await descriptors.pread(second, 4, 0)).length).toBe(4);
    await descriptors.close(second);
    expect((await descriptors.pread(first, 4, 0)).length).toBe(4);
    expect(await call(descriptors.pread(second, 4, 0).then(({ length }) => length))).toBe(EBADF);
    expect(await ioctl(group, GROUP_UNSET_CONTAINER)).toBe(EBUSY);
    await descriptors.close(container);
    expect((await descriptors.pread(first, 4, 0)).length).toBe(4);
    const third = await ioctl(group, GROUP_GET_DEVICE_FD, name(mdev.uuid));
    expect(third).toBeGreaterThan(2);
    await descriptors.close(third);
    await descriptors.close(group);
    expect((await descriptors.pread(first, 4, 0)).length).toBe(4);
    expect(await open(groupPath())).toBe(EBUSY);
    const copy = descriptors.dup(first);
    await descriptors.close(first);
    expect((await descriptors.pread(copy, 4, 0)).length).toBe(4);
    expect(await open(groupPath())).toBe(EBUSY);
    await descriptors.close(copy);
    expect(await open(groupPath())).toBeGreaterThan(2);
  });

  test('maps and unmaps', async () => {
    const { container } = await prepare();
    const vaddr = descriptors.place(new SharedArrayBuffer(2 ** 20));
    const map = (values: Partial<ReturnType<typeof dmaMap.decode>>) =>
      ioctl(container, IOMMU_MAP_DMA, dmaMap.bytes({ argsz: 32, flags: 3, vaddr, size: 4096n, ...values }));
    const unmap = async (values: Partial<ReturnType<typeof dmaUnmap.decode>>) => {
      const argument = dmaUnmap.bytes({ argsz: 24, size: 4096n, ...values });
      const result = await ioctl(container, IOMMU_UNMAP_DMA, argument);
      return [result, dmaUnmap.decode(argument).size];
    };
    const top = 2n ** 64n - 4096n;
    expect(await map({ iova: 0n, size: 0x100000n })).toBe(0);
    expect(await map({ iova: 4096n })).toBe(EEXIST);
    expect(await map({ iova: 0n, size: 0x100000n })).toBe(EEXIST);
    expect(await map({ iova: 0x100000n })).toBe(0);
    expect(await map({ iova: 2099200n })).toBe(EINVAL);
    expect(await map({ iova: 0x200000n, size: 4097n })).toBe(EINVAL);
    expect(await map({ iova: 0x200000n, size: 0n })).toBe(EINVAL);
    expect(await map({ iova: 0x200000n, flags: 0 })).toBe(EINVAL);
    expect(await map({ iova: 0x200000n, flags: 11 })).toBe(EINVAL);
    expect(await map({ iova: 0x200000n, flags: 1 })).toBe(0);
    expect(await map({ iova: 0x300000n, flags: 2 })).toBe(0);
    expect(await map({ iova: top, size: 8192n })).toBe(EINVAL);
    expect(await map({ iova: top })).toBe(0);
    expect(await map({ iova: 2n ** 52n })).toBe(0);
    expect(await map({ iova: 0x400000n, argsz: 31 })).toBe(EINVAL);
    expect(await map({ iova: 0x400000n, vaddr: vaddr + 1n })).toBe(EINVAL);
    expect(await unmap({ iova: 0n })).toEqual([EINVAL, 4096n]);
    expect(await unmap({ iova: 0x10000000n })).toEqual([0, 0n]);
    expect(await unmap({ iova: 2048n })).toEqual([EINVAL, 4096n]);
    expect(await unmap({ iova: 0n, size: 0n })).toEqual([EINVAL, 0n]);
    expect(await unmap({ iova: 0n, size: 0x101000n })).toEqual([0, 0x101000n]);
    expect(await unmap({ flags: 2 })).toEqual([EINVAL, 4096n]);
    expect(await unmap({ argsz: 23 })).toEqual([EINVAL, 4096n]);
    expect(await unmap({ flags: 128 })).toEqual([EINVAL, 4096n]);
    expect(await unmap({ flags: 2, size: 0n })).toEqual([0, 16384n]);
    expect(await unmap({ flags: 2, size: 0n })).toEqual([0, 0n]);
    expect(await unmap({ iova: 0n, size: top })).toEqual([0, 0n]);
  });

  test('a second group in the container, and types of IOMMUs one after the other', async () => {
    const { group, container } = await prepare();
    const other = await stage.create(++next);
    const second = await open(`/dev/vfio/${groupOf(other)}`);
    expect(await ioctl(second, GROUP_SET_CONTAINER, fd(container))).toBe(0);
    const device = await ioctl(second, GROUP_GET_DEVICE_FD, name(other.uuid));
    await descriptors.close(device);
    expect(await ioctl(second, GROUP_UNSET_CONTAINER)).toBe(0);
    expect(await ioctl(second, GROUP_GET_DEVICE_FD, name(other.uuid))).toBe(EINVAL);
    for (const type of [1, 6]) {
      expect(await ioctl(group, GROUP_UNSET_CONTAINER)).toBe(0);
      expect(await ioctl(group, GROUP_SET_CONTAINER, fd(container))).toBe(0);
      expect(await ioctl(container, SET_IOMMU, type)).toBe(0);
    }
    expect(await ioctl(group, GROUP_UNSET_CONTAINER)).toBe(0);
    expect(await ioctl(group, GROUP_UNSET_CONTAINER)).toBe(EINVAL);
    expect(await ioctl(container, IOMMU_GET_INFO, new Uint8Array(24))).toBe(EINVAL);
  });
});

describe('descriptors', () => {
  test('the lowest free number is taken, from 3 on, up to the limit', async () => {
    const few = new Descriptors(stage.bus, { limit: 6 });
    expect([few.eventfd(), few.eventfd(), await few.open('/dev/vfio/vfio')]).toEqual([3, 4, 5]);
    expect(await call(few.open('/dev/vfio/vfio'))).toBe(-24);
    expect(() => few.dup(3)).toThrow(expect.objectContaining({ code: 'EMFILE' }));
    await few.close(4);
    expect(await few.open('/dev/null')).toBe(4);
    await few.closeAll();
    expect(few.eventfd()).toBe(3);
  });

  test('GET_DEVICE_FD with no number left is EMFILE, and the device is not opened', async () => {
    const few = new Descriptors(stage.bus, { limit: 5 });
    const [container, group] = [await few.open('/dev/vfio/vfio'), await few.open(groupPath())];
    await few.ioctl(group, GROUP_SET_CONTAINER, fd(container));
    await few.ioctl(container, SET_IOMMU, 3);
    expect(await call(few.ioctl(group, GROUP_GET_DEVICE_FD, name(mdev.uuid)))).toBe(-24);
    await few.ioctl(group, GROUP_UNSET_CONTAINER);
    await few.closeAll();
  });

  test('a file is closed with its last descriptor', async () => {
    const group = await open(groupPath());
    const copy = descriptors.dup(group);
    await descriptors.close(group);
    expect(await open(groupPath())).toBe(EBUSY);
    expect(await ioctl(copy, GROUP_UNSET_CONTAINER)).toBe(EINVAL);
    await descriptors.close(copy);
    expect(await call(descriptors.close(copy).then(() => 0))).toBe(EBADF);
    expect(await open(groupPath())).toBeGreaterThan(2);
  });

  test('vfio-core 29: the node of an emulated group has no prefix', async () => {
    expect(await open(`/dev/vfio/noiommu-${groupOf(mdev)}`)).toBe(ENOENT);
    expect(await open(groupPath())).toBeGreaterThan(2);
  });

  test('what is no node is ENOENT', async () => {
    for (const path of [
      '/dev/vfio',
      '/dev/vfio/',
      '/dev/vfio/00',
      '/dev/vfio/+1',
      '/dev/vfio/999999999',
      '/dev/vfio/4096',
      '/dev/vfio/devices/vfio999',
      '/dev/vfio/devices/0',
      'vfio',
      '',
    ]) {
      expect(await open(path), path).toBe(ENOENT);
    }
  });

  test('the node of a device that is gone is none', async () => {
    const [group, node] = [groupPath(), `/dev/vfio/devices/vfio${next}`];
    await mdev.remove();
    expect(await open(group)).toBe(ENOENT);
    expect(await open(node)).toBe(ENOENT);
  });

  test('an eventfd counts, and is read as 8 bytes', async () => {
    const number = descriptors.eventfd();
    expect(descriptors.poll(number)).toBe(4);
    expect(await call(descriptors.read(number, 8).then(() => 0))).toBe(-11);
    expect(await descriptors.write(number, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0))).toBe(8);
    expect(descriptors.poll(number)).toBe(5);
    expect([...(await descriptors.read(number, 8))]).toEqual([3, 0, 0, 0, 0, 0, 0, 0]);
    expect(await call(descriptors.read(number, 7).then(() => 0))).toBe(EINVAL);
    expect(await call(descriptors.pread(number, 8, 0).then(() => 0))).toBe(-29);
    expect(await ioctl(number, 0)).toBe(ENOTTY);
  });

  test('/dev/null takes everything and gives nothing', async () => {
    const number = await open('/dev/null');
    expect(await descriptors.write(number, new Uint8Array(5))).toBe(5);
    expect((await descriptors.read(number, 5)).length).toBe(0);
    expect(await ioctl(number, 0)).toBe(ENOTTY);
    expect(await call(descriptors.mmap(number, 1, 0).then(() => 0))).toBe(ENODEV);
  });
});

describe('what arguments of devices name', () => {
  async function device(): Promise<{ group: number; device: number }> {
    const { group } = await prepare();
    return { group, device: await ioctl(group, GROUP_GET_DEVICE_FD, name(mdev.uuid)) };
  }

  const irqs = (...numbers: number[]) =>
    Buffer.concat([
      irqSet.bytes({ argsz: IRQ_SET_BYTES + 4 * numbers.length, flags: 0x24, count: numbers.length }),
      ...numbers.map(fd),
    ]);

  test('eventfds are passed: other files are EINVAL, none is EBADF', async () => {
    const { group, device: number } = await device();
    const [one, two] = [descriptors.eventfd(), descriptors.eventfd()];
    expect(await ioctl(number, DEVICE_SET_IRQS, irqs(one, two, one))).toBe(0);
    expect([(await descriptors.read(one, 8))[0], (await descriptors.read(two, 8))[0]]).toEqual([2, 1]);
    expect(await ioctl(number, DEVICE_SET_IRQS, irqs(group))).toBe(EINVAL);
    expect(await ioctl(number, DEVICE_SET_IRQS, irqs(number))).toBe(EINVAL);
    expect(await ioctl(number, DEVICE_SET_IRQS, irqs(99))).toBe(EBADF);
    expect(await ioctl(number, DEVICE_SET_IRQS, irqs(-1))).toBe(EBADF);
  });

  test('a group is passed as the owner of its devices', async () => {
    const { group, device: number } = await device();
    const reset = (given: number) => Buffer.concat([pciHotReset.bytes({ argsz: 16, count: 1 }), fd(given)]);
    expect(await ioctl(number, DEVICE_PCI_HOT_RESET, reset(group))).toBe(groupOf(mdev));
    expect(await ioctl(number, DEVICE_PCI_HOT_RESET, reset(await open('/dev/null')))).toBe(EINVAL);
    expect(await ioctl(number, DEVICE_PCI_HOT_RESET, reset(99))).toBe(EBADF);
  });

  test('a file that the device gives becomes a descriptor of its own', async () => {
    const { device: number } = await device();
    const note = await ioctl(number, DEVICE_GET_GFX_DMABUF, new Uint8Array(4));
    expect(note).toBe(number + 1);
    expect(await descriptors.write(note, Uint8Array.of(1, 2))).toBe(2);
    const argument = Uint8Array.of(7, 8);
    expect(await ioctl(note, 1, argument)).toBe(2);
    expect([...argument]).toEqual([8, 7]);
    await descriptors.close(number);
    expect([...(await descriptors.read(note, 8))]).toEqual([1, 2]);
    await descriptors.close(note);
    expect(await call(descriptors.read(note, 8).then(() => 0))).toBe(EBADF);
  });

  test('a device file that was opened otherwise is adopted', async () => {
    const adopted = descriptors.adopt(await openDevice(stage.bus, mdev));
    expect((await descriptors.pread(adopted, 4, 0)).length).toBe(4);
    expect(descriptors.describe(adopted).kind).toBe('device');
  });
});

describe('bad arguments', () => {
  test('short ones are EFAULT, or EINVAL by what they announce, and change nothing', async () => {
    const { group, container } = await prepare();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(
          [group, GROUP_GET_STATUS, 8],
          [group, GROUP_SET_CONTAINER, 4],
          [container, IOMMU_GET_INFO, 16],
          [container, IOMMU_MAP_DMA, 32],
          [container, IOMMU_UNMAP_DMA, 24],
        ),
        fc.nat(31),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        async ([descriptor, command, needed], length, bytes) => {
          const argument = bytes.slice(0, Math.min(length, needed - 1));
          const before = hex(argument);
          expect([EFAULT, EINVAL]).toContain(await ioctl(descriptor, command, argument));
          expect(hex(argument)).toBe(before);
        },
      ),
      { numRuns: 100 },
    );
    const status = groupStatus.bytes({ argsz: 8 });
    await ioctl(group, GROUP_GET_STATUS, status);
    expect(groupStatus.decode(status).flags).toBe(3);
  });

  test('unknown commands of groups are ENOTTY, of containers ENOTTY once they have an IOMMU', async () => {
    const { group, container } = await prepare();
    const known = [
      GET_API_VERSION,
      CHECK_EXTENSION,
      SET_IOMMU,
      0x3b67,
      0x3b68,
      0x3b69,
      0x3b6a,
      0x3b70,
      0x3b71,
      0x3b72,
      0x3b75,
    ];
    await fc.assert(
      fc.asyncProperty(fc.nat(0xffff_ffff), fc.uint8Array({ maxLength: 40 }), async (command, argument) => {
        fc.pre(!known.includes(command));
        expect(await ioctl(group, command, argument)).toBe(ENOTTY);
        expect(await ioctl(container, command, argument)).toBe(ENOTTY);
      }),
      { numRuns: 50 },
    );
  });

  test('names that are none are ENODEV', async () => {
    const { group } = await prepare();
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 60 }), async (text) => {
        const bytes = name(text.replaceAll('\0', ''));
        expect(await ioctl(group, GROUP_GET_DEVICE_FD, bytes)).toBe(ENODEV);
        // Without an end, memory ends before the name does.
        expect(await ioctl(group, GROUP_GET_DEVICE_FD, bytes.subarray(0, -1))).toBe(EFAULT);
      }),
      { numRuns: 50 },
    );
  });

  test('every operation on a number that is closed is EBADF', async () => {
    const number = await open(groupPath());
    await descriptors.close(number);
    for (const asked of [
      () => descriptors.ioctl(number, 0),
      () => descriptors.pread(number, 1, 0),
      () => descriptors.pwrite(number, new Uint8Array(1), 0),
      () => descriptors.read(number, 1),
      () => descriptors.write(number, new Uint8Array(1)),
      () => descriptors.mmap(number, 1, 0),
      () => descriptors.close(number),
    ]) {
      await expect(asked()).rejects.toMatchObject({ code: 'EBADF' });
    }
    expect(() => descriptors.dup(number)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => descriptors.poll(number)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });
});
