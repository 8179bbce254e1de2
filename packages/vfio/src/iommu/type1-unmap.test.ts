/** UNMAP_DMA: ranges, notifications, address replacement (spec/vfio-core 9.4, 9.5). */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, test } from 'vitest';
import { codeOf, PAGE, type1Stand, VADDR } from '../../dist-fixtures/iommu/stand.fixture.js';

const TOP = 2n ** 64n;

describe('vfio-core 23.16: version 2 unmaps whole mappings', () => {
  const stand = type1Stand();
  stand.map(4, 4);
  stand.map(8, 2);
  const before = stand.mapped();

  test.each([
    ['the beginning of a mapping', 4n, 2n],
    ['the end of a mapping', 6n, 2n],
    ['the middle of one', 5n, 1n],
    ['one and a part of the next', 4n, 5n],
    ['from before into one', 0n, 6n],
  ])('a range that cuts: %s', (_, at, pages) => {
    expect(codeOf(() => stand.iommu.unmap({ iova: at * PAGE, size: pages * PAGE }))).toBe('EINVAL');
    expect(stand.mapped()).toEqual(before);
  });

  test.each([
    ['misaligned iova', { iova: 2048n, size: PAGE }],
    ['misaligned size', { iova: 0n, size: 100n }],
    ['no size', { iova: 0n, size: 0n }],
    ['wrapping', { iova: TOP - PAGE, size: 2n * PAGE }],
    ['all with an iova', { iova: PAGE, size: 0n, all: true }],
    ['all with a size', { iova: 0n, size: PAGE, all: true }],
  ])('%s is EINVAL', (_, request) => {
    expect(codeOf(() => stand.iommu.unmap(request))).toBe('EINVAL');
    expect(stand.mapped()).toEqual(before);
  });

  test('an empty range succeeds with size 0, also the whole space but a page', () => {
    expect(stand.iommu.unmap({ iova: 64n * PAGE, size: PAGE })).toBe(0n);
    expect(stand.iommu.unmap({ iova: 10n * PAGE, size: TOP - 10n * PAGE })).toBe(0n);
  });

  test('several mappings and the holes between them go at once', () => {
    expect(stand.iommu.unmap({ iova: 0n, size: 32n * PAGE })).toBe(6n * PAGE);
    expect(stand.mapped()).toEqual([]);
  });
});

describe('version 1', () => {
  test('a range that begins inside a mapping unmaps nothing', () => {
    const stand = type1Stand({ rules: 'type1v1' });
    stand.map(0, 4);
    stand.map(4, 4);
    expect(stand.iommu.unmap({ iova: PAGE, size: 7n * PAGE })).toBe(0n);
    expect(stand.mapped()).toHaveLength(2);
  });

  test('mappings that begin in the range go entirely', () => {
    const stand = type1Stand({ rules: 'type1v1' });
    stand.map(0, 4);
    stand.map(4, 4);
    expect(stand.iommu.unmap({ iova: 0n, size: 5n * PAGE })).toBe(8n * PAGE);
    expect(stand.mapped()).toEqual([]);
  });
});

describe('vfio-core 23.18: devices that have pinned are asked', () => {
  test('with the whole mapping, and nobody for mappings without pins; the unmap ends when all pins are gone', async () => {
    const stand = type1Stand();
    const device = stand.device(5);
    const other = stand.device(6);
    stand.map(0, 2);
    stand.map(2, 8);
    stand.map(16, 1);
    device.pin(3n * PAGE, 2, 'read');
    device.pin(3n * PAGE, 1, 'read');
    other.pin(4n * PAGE, 1, 'read');
    const states: [number, number][][] = [];
    stand.onNotice = () => {
      states.push(stand.mapped());
      return Promise.resolve().then(() => {
        if (states.length === 1) device.unpin(3n * PAGE, 2);
        if (states.length === 2) device.unpin(3n * PAGE, 1);
        if (states.length === 3) other.unpin(4n * PAGE, 1);
      });
    };
    expect(await stand.iommu.unmap({ iova: 0n, size: 32n * PAGE })).toBe(11n * PAGE);
    expect(stand.notices).toEqual(Array(3).fill({ iova: 2n * PAGE, size: 8n * PAGE }));
    // What came before the pinned mapping has gone already, what comes after it has not.
    expect(states[0]).toEqual([
      [2, 8],
      [16, 1],
    ]);
  });

  test('a callee may read, write, pin and unpin elsewhere while it is asked', () => {
    const stand = type1Stand();
    const device = stand.device(5);
    stand.map(0, 1);
    stand.map(8, 1);
    device.pin(0, 1, 'read');
    stand.onNotice = () => {
      device.write(8n * PAGE, Uint8Array.of(1, 2, 3));
      device.pin(8n * PAGE, 1, 'write');
      device.unpin(0, 1);
    };
    expect(stand.iommu.unmap({ iova: 0n, size: PAGE })).toBe(PAGE);
    expect([...stand.program.bytes.subarray(8 * 4096, 8 * 4096 + 3)]).toEqual([1, 2, 3]);
  });

  test('all checks are made again after an answer: what was mapped meanwhile may be in the way', async () => {
    const stand = type1Stand();
    const device = stand.device(5);
    stand.map(0, 1);
    device.pin(0, 1, 'read');
    stand.onNotice = async () => {
      device.unpin(0, 1);
      await Promise.resolve();
      stand.map(3, 4);
    };
    await expect(stand.iommu.unmap({ iova: 0n, size: 4n * PAGE })).rejects.toMatchObject({ code: 'EINVAL' });
    expect(stand.mapped()).toEqual([
      [0, 1],
      [3, 4],
    ]);
  });

  test('pages pinned n times need n unpins', () => {
    const stand = type1Stand();
    const device = stand.device(5);
    stand.map(0, 1);
    for (let i = 0; i < 5; i++) device.pin(0, 1, 'read');
    stand.onNotice = () => device.unpin(0, 1);
    stand.iommu.unmap({ iova: 0n, size: PAGE });
    expect(stand.notices).toHaveLength(5);
  });

  test('11 requests in vain: EDEADLK that names the devices, and a diagnostics message; the mapping stays', () => {
    const stand = type1Stand();
    stand.map(0, 1);
    stand.map(4, 2);
    stand.device(5).pin(4n * PAGE, 1, 'read');
    const messages: unknown[] = [];
    const listen = (message: unknown) => messages.push(message);
    subscribe('mediated:iommu:unanswered', listen);
    expect(() => stand.iommu.unmap({ iova: 0n, size: 0n, all: true })).toThrow(
      expect.objectContaining({ code: 'EDEADLK', message: expect.stringContaining('devices 5') }),
    );
    unsubscribe('mediated:iommu:unanswered', listen);
    expect(stand.notices).toHaveLength(11);
    expect(messages).toEqual([{ iova: 4n * PAGE, size: 2n * PAGE, devices: [5] }]);
    expect(stand.mapped()).toEqual([[4, 2]]);
  });

  test('a device that is closed or dead holds nothing up', () => {
    const stand = type1Stand();
    stand.map(0, 4);
    stand.device(5).pin(0, 4, 'read');
    stand.device(6).pin(0, 1, 'read');
    stand.iommu.removeDevice(5);
    stand.iommu.removeDevice(6);
    expect(stand.iommu.unmap({ iova: 0n, size: 0n, all: true })).toBe(4n * PAGE);
    expect(stand.notices).toEqual([]);
    expect(stand.iommu.space.lockedPages).toBe(0);
  });
});

describe('replacing user addresses', () => {
  const physical = () => {
    const stand = type1Stand();
    stand.iommu.detachGroup(1);
    stand.map(0, 2);
    stand.map(2, 2);
    return stand;
  };
  const invalidate = { iova: 0n, size: 0n, all: true, addressOnly: true };

  test('EBUSY with an emulated group', () => {
    expect(codeOf(() => type1Stand().iommu.unmap(invalidate))).toBe('EBUSY');
  });

  test('invalid until each mapping, and no part of it, has another; devices are refused with EBUSY meanwhile', () => {
    const stand = physical();
    const device = stand.device(5);
    expect(stand.iommu.unmap(invalidate)).toBe(4n * PAGE);
    expect(stand.mapped()).toEqual([
      [0, 2],
      [2, 2],
    ]);
    expect(codeOf(() => device.read(0, new Uint8Array(1)))).toBe('EBUSY');
    expect(codeOf(() => device.pin(0, 1, 'read'))).toBe('EBUSY');
    expect(codeOf(() => stand.iommu.attachGroup({ id: 2, kind: 'emulated' }))).toBe('EBUSY');
    const replace = (at: bigint, pages: bigint, to: bigint) =>
      codeOf(() =>
        stand.iommu.map(stand.program, { iova: at * PAGE, size: pages * PAGE, vaddr: VADDR + to * PAGE, flags: 4 }),
      );
    expect(replace(0n, 1n, 32n)).toBe('EINVAL');
    expect(replace(8n, 1n, 32n)).toBe('ENOENT');
    expect(replace(0n, 2n, 32n)).toBeUndefined();
    expect(codeOf(() => device.read(0, new Uint8Array(1)))).toBe('EBUSY');
    expect(replace(2n, 2n, 40n)).toBeUndefined();
    device.write(PAGE, Uint8Array.of(9));
    device.write(2n * PAGE, Uint8Array.of(8));
    expect([stand.program.bytes[33 * 4096], stand.program.bytes[40 * 4096]]).toEqual([9, 8]);
  });

  test('one that is invalid already: EINVAL, and what this call had marked is valid again', () => {
    const stand = physical();
    stand.iommu.unmap({ iova: 2n * PAGE, size: 2n * PAGE, addressOnly: true });
    expect(codeOf(() => stand.iommu.unmap(invalidate))).toBe('EINVAL');
    expect(stand.iommu.unmap({ iova: 0n, size: 2n * PAGE, addressOnly: true })).toBe(2n * PAGE);
  });

  test('an invalid mapping that is unmapped is forgotten', () => {
    const stand = physical();
    const device = stand.device(5);
    stand.iommu.unmap({ iova: 2n * PAGE, size: 2n * PAGE, addressOnly: true });
    stand.iommu.unmap({ iova: 2n * PAGE, size: 2n * PAGE });
    expect(codeOf(() => device.read(0, new Uint8Array(1)))).toBeUndefined();
  });
});
