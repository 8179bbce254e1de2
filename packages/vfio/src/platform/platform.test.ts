/** Platform and AMBA devices as programs use them: bound, opened, read, mapped, reset. */
import { DEVICE_FLAGS, DEVICE_GET_INFO, REGION_FLAGS } from '@mediated/vfio/uapi';
import type { PlatformOptions } from '@mediated/vfio/platform';
import { newTrace, traced } from '../../dist-fixtures/platform/nic-model.fixture.js';
import { ACME, Board, nic } from '../../dist-fixtures/platform/stage.fixture.js';
import { describe, expect, test } from 'vitest';

const { read, write, mmap } = REGION_FLAGS;
const REGION = 2 ** 40;
/** A device of memory, ports, and memory that does not fill its page. */
const MIXED: PlatformOptions = {
  resetRequired: false,
  devices: [
    {
      name: 'mixed',
      group: 1,
      compat: 'acme,mixed',
      resources: [
        { start: 0x1000, size: 0x2000 },
        { start: 0x3f8, size: 8, kind: 'io' },
        { start: 0x4000, size: 0x800 },
        { start: 0x5000, size: 0x1000, readOnly: true },
        { start: 0x6100, size: 0x1000 },
      ],
      irqs: [{ number: 0 }, { number: 7 }],
    },
  ],
};

describe('binding', () => {
  test('platform-fsl 3: a device that cannot be reset is refused with ENOENT where a reset is required', async () => {
    const devices = [
      { name: 'unknown', group: 1, compat: 'acme,unknown' },
      { name: 'silent', group: 2, acpi: { id: 'ACME0002' } },
    ];
    await using board = await Board.set({ devices });
    await expect(board.bind('unknown')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(board.bind('silent')).rejects.toMatchObject({ code: 'ENOENT' });
    await using lenient = await Board.set({ devices, resetRequired: false });
    const file = await lenient.use('unknown');
    expect(await file.info()).toMatchObject({ flags: DEVICE_FLAGS.platform, regions: 0, irqs: 0 });
    await expect(file.reset()).rejects.toMatchObject({ code: 'EINVAL' });
    await file.close();
  });

  test('a device without any firmware description is EINVAL', async () => {
    await using board = await Board.set({ devices: [{ name: 'bare', group: 1 }], resetRequired: false });
    await expect(board.bind('bare')).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('an AMBA device has one resource at most, needs no reset, and its lines end at the first that is 0', async () => {
    const amba = { name: 'mb:dma', kind: 'amba', group: 1, compat: 'arm,pl330', periphid: 0x241330 } as const;
    const irqs = [{ number: 5 }, { number: 0 }, { number: 6 }];
    const devices = [{ ...amba, resources: [{ start: 0, size: 0x1000 }], irqs }];
    await using board = await Board.set({ devices }, 1, 'amba');
    const file = await board.use('mb:dma');
    expect(await file.info()).toMatchObject({ flags: DEVICE_FLAGS.amba, regions: 1, irqs: 1 });
    await expect(file.reset()).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(file.ioctl(1)).rejects.toMatchObject({ code: 'ENOTTY' });
    await file.close();
    // The other driver has none of them.
    await using other = await Board.set({ devices });
    await expect(other.bind('mb:dma')).rejects.toMatchObject({ code: 'ENODEV' });
  });

  test.each([
    [
      {
        name: 'a',
        kind: 'amba',
        resources: [
          { start: 0, size: 1 },
          { start: 1, size: 1 },
        ],
      },
      'at most one resource',
    ],
    [{ name: 'a', kind: 'acpi' }, 'platform or amba'],
    [{ name: 'a', periphid: 2 ** 32 }, 'periphid'],
    [{ name: 'a', resources: [{ start: 0, size: 0 }] }, 'resource 0 of a'],
    [{ name: 'a', resources: [{ start: -1, size: 4 }] }, 'resource 0 of a'],
    [{ name: 'a', resources: [{ start: 0, size: 4, kind: 'rom' }] }, 'memory, io or other'],
    [{ name: 'a', irqs: [{ number: -1 }] }, 'irq 0 of a'],
    [{ name: 'a', irqs: [{ number: 1, requestError: 'EWHAT' }] }, 'EWHAT'],
    [{ name: 'a', powerError: 'EWHAT' }, 'the power of a'],
    [{ name: 'a', acpi: { id: 'A', reset: 'EWHAT' } }, 'the ACPI reset of a'],
    [{ name: 'a', model: 'data:text/javascript,export const a = 1' }, 'no model'],
    [{ name: 'a', model: 'data:text/javascript,export const =' }, 'does not load'],
  ])('a description that makes no sense is refused: %j', async (device, reason) => {
    await expect(Board.set({ devices: [device] } as unknown as PlatformOptions)).rejects.toThrow(reason);
  });

  test('options without a list of devices are refused', async () => {
    await expect(Board.set({} as PlatformOptions)).rejects.toThrow('no list of devices');
  });
});

describe('open and close', () => {
  test('platform-fsl 2: a failing reset that is not required lets the device open; RESET answers its error', async () => {
    const devices = [{ name: 'broken', group: 1, compat: 'acme,broken' }];
    await using strict = await Board.set({ devices });
    const mdev = await strict.bind('broken');
    await expect(strict.open(mdev)).rejects.toMatchObject({ code: 'EIO' });
    await using lenient = await Board.set({ devices, resetRequired: false });
    const file = await lenient.use('broken');
    expect((await file.info()).flags).toBe(DEVICE_FLAGS.platform | DEVICE_FLAGS.reset);
    await expect(file.reset()).rejects.toMatchObject({ code: 'EIO' });
    await file.close();
  });

  test('platform-fsl 4: two files of a device reset it once when the first opens and once when the last closes', async () => {
    const trace = newTrace();
    await using board = await Board.set({ devices: [nic('eth0', 1, { trace })] });
    const mdev = await board.bind('eth0');
    const [first, second] = [await board.open(mdev), await board.open(mdev)];
    expect(traced(trace)).toEqual(['request', 'request', 'on', 'reset']);
    await first.close();
    expect(traced(trace)).toEqual([]);
    await second.close();
    expect(traced(trace)).toEqual(['reset', 'off', 'free', 'free']);
  });

  test('platform-fsl 5: two devices may be inside their first open at the same time', async () => {
    const hold = new Int32Array(new SharedArrayBuffer(8)).fill(1, 0, 1);
    const trace = newTrace();
    const devices = [nic('eth0', 1, { trace, hold }), nic('eth1', 2, { trace, hold })];
    await using board = await Board.set({ devices }, 2);
    const mdevs = [await board.bind('eth0', 0), await board.bind('eth1', 1)];
    const opened = Promise.all(mdevs.map((mdev) => board.open(mdev)));
    // Both have begun to wait for their power.
    for (let inside = Atomics.load(hold, 1); inside < 2; inside = Atomics.load(hold, 1)) {
      const { async, value } = Atomics.waitAsync(hold, 1, inside);
      if (async) await value;
    }
    Atomics.store(hold, 0, 0);
    Atomics.notify(hold, 0);
    for (const file of await opened) await file.close();
  });
});

describe('regions', () => {
  test('platform-fsl 6: a read across the end is short, one at the end EINVAL, and the position stays', async () => {
    await using board = await Board.set(MIXED);
    const file = await board.use('mixed');
    expect(await file.write(0x1ffe, Uint8Array.of(1, 2, 3))).toBe(2);
    expect(await file.read(0x1ffe, 8)).toEqual(Uint8Array.of(1, 2));
    expect(await file.read(0x1ffe, 8)).toEqual(Uint8Array.of(1, 2));
    await expect(file.read(0x2000, 1)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(file.write(0x2000, Uint8Array.of(1))).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(file.read(5 * REGION, 1)).rejects.toMatchObject({ code: 'EINVAL' });
    await file.close();
  });

  test('platform-fsl 11: ports have no flags and no access; what is not aligned to pages cannot be mapped', async () => {
    await using board = await Board.set(MIXED);
    const file = await board.use('mixed');
    const flags = await Promise.all([0, 1, 2, 3, 4].map(async (index) => (await file.regionInfo(index)).flags));
    expect(flags).toEqual([read | write | mmap, 0, read | write, read | mmap, read | write]);
    expect(await file.regionInfo(2)).toMatchObject({ size: 0x800, offset: 2 * REGION });
    await expect(file.regionInfo(5)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(file.read(REGION, 1)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(file.write(3 * REGION, Uint8Array.of(1))).rejects.toMatchObject({ code: 'EINVAL' });
    for (const [position, length] of [
      [REGION, 8],
      [2 * REGION, 0x800],
      [3 * REGION, 0x1000],
      [4 * REGION, 0x1000],
      [5 * REGION, 0x1000],
      [0x800, 0x1000],
      [0x1000, 0x1001],
      [0, 0],
    ]) {
      await expect(file.mmap(position, length)).rejects.toMatchObject({ code: 'EINVAL' });
    }
    await file.close();
  });

  test('a mapping is the memory that reads and writes reach, from one open to the next', async () => {
    await using board = await Board.set(MIXED);
    const mdev = await board.bind('mixed');
    const file = await board.open(mdev);
    const mapped = await file.mmap(0x1000, 0x1000);
    await file.write(0x1234, Uint8Array.of(42));
    expect([mapped.length, mapped[0x234]]).toEqual([0x1000, 42]);
    await expect(file.mmap(0x1000, 0x1000, { shared: false })).rejects.toMatchObject({ code: 'EINVAL' });
    await file.close();
    const again = await board.open(mdev);
    expect(await again.read(0x1234, 1)).toEqual(Uint8Array.of(42));
    await again.close();
  });

  test('registers are accessed in naturally aligned pieces of 4, 2 and 1 bytes; a reset function has them too', async () => {
    const trace = newTrace();
    await using board = await Board.set({ devices: [nic('eth0', 1, { trace })] });
    const file = await board.use('eth0');
    traced(trace);
    expect(await file.read(0x21, 12)).toEqual(Uint8Array.from({ length: 12 }, (_, i) => 0x21 + i));
    expect(traced(trace)).toEqual(['read 33/1', 'read 34/2', 'read 36/4', 'read 40/4', 'read 44/1']);
    expect(await file.write(0xffe, new Uint8Array(9))).toBe(2);
    expect(traced(trace)).toEqual(['write 4094/2']);
    await expect(file.write(16, Uint8Array.of(1))).rejects.toMatchObject({ code: 'EIO' });
    expect((await file.regionInfo(0)).flags).toBe(read | write);
    await file.reset();
    expect(traced(trace)).toContain('reset');
    await file.close();
  });

  test('a reset function reads and writes memory where there are no registers', async () => {
    const devices = [{ name: 'm', group: 1, compat: 'acme,memory', resources: [{ start: 0, size: 64 }] }];
    await using board = await Board.set({ devices });
    const file = await board.use('m');
    await file.write(4, Uint8Array.of(0xff, 0, 0, 0));
    await file.reset();
    expect(await file.read(8, 4)).toEqual(Uint8Array.of(0, 1, 0, 0));
    await file.close();
  });
});

test('GET_INFO counts, checks its argument and tells of the reset', async () => {
  const trace = newTrace();
  await using board = await Board.set({ devices: [nic('eth0', 1, { trace })], resetModules: ACME });
  const file = await board.use('eth0');
  const flags = DEVICE_FLAGS.platform | DEVICE_FLAGS.reset;
  expect(await file.info()).toMatchObject({ flags, regions: 1, irqs: 2 });
  await expect(file.ioctl(DEVICE_GET_INFO, new Uint8Array(15))).rejects.toMatchObject({ code: 'EFAULT' });
  await expect(file.ioctl(DEVICE_GET_INFO, new Uint8Array(16))).rejects.toMatchObject({ code: 'EINVAL' });
  await file.close();
});
