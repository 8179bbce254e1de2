/** Dirty pages (spec/vfio-core 9.4, 9.8). */
import { describe, expect, test } from 'vitest';
import { codeOf, PAGE, type1Stand } from '../../dist-fixtures/iommu/stand.fixture.js';
import type { BitmapTarget } from '#dist/iommu/dirty-tracking.js';
import type { PhysicalGroup } from '#dist/iommu/groups.js';

const physical: PhysicalGroup = {
  id: 9,
  kind: 'physical',
  pageSizes: 0x1000n,
  aperture: { start: 0n, last: 2n ** 48n - 1n },
  reserved: [],
  coherent: true,
  isolatedInterrupts: true,
  driver: 'test',
};

function target(bytes: number, pageSize = PAGE): BitmapTarget & { bytes: Uint8Array } {
  const bitmap = new Uint8Array(bytes);
  return { bytes: bitmap, size: BigInt(bytes), pageSize, memory: () => bitmap };
}

/** The numbers of the bits that are set. */
function bits(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length * 8 }, (_, bit) => bit).filter((bit) => (bytes[bit >> 3]! >> (bit & 7)) & 1);
}

function trackingStand(...maps: [number, number][]) {
  const stand = type1Stand();
  for (const [at, pages] of maps) stand.map(at, pages);
  stand.iommu.startDirtyTracking();
  const dirty = (at: number, pages: number, into = target(Math.ceil(pages / 64) * 8)) => {
    stand.iommu.reportDirty(BigInt(at) * PAGE, BigInt(pages) * PAGE, into);
    return bits(into.bytes);
  };
  return { stand, device: stand.device(1), dirty };
}

describe('what is dirty', () => {
  test('what devices have written since the last report', () => {
    const { device, dirty } = trackingStand([0, 8]);
    expect(dirty(0, 8)).toEqual([]);
    device.write(PAGE - 1n, new Uint8Array(4098));
    device.write(6n * PAGE, Uint8Array.of(1));
    device.read(5n * PAGE, new Uint8Array(1));
    expect(dirty(0, 8)).toEqual([0, 1, 2, 6]);
    expect(dirty(0, 8)).toEqual([]);
  });

  test('what is pinned, at the start and after each report, until the report after the unpin', () => {
    const stand = type1Stand();
    stand.map(0, 8);
    const device = stand.device(1);
    device.pin(2n * PAGE, 1, 'read');
    stand.iommu.startDirtyTracking();
    device.pin(4n * PAGE, 1, 'read');
    const dirty = () => {
      const into = target(8);
      stand.iommu.reportDirty(0n, 8n * PAGE, into);
      return bits(into.bytes);
    };
    expect(dirty()).toEqual([2, 4]);
    expect(dirty()).toEqual([2, 4]);
    device.unpin(2n * PAGE, 1);
    expect(dirty()).toEqual([2, 4]);
    expect(dirty()).toEqual([4]);
  });

  test('start is idempotent and keeps the bits, stop forgets them', () => {
    const { stand, device, dirty } = trackingStand([0, 8]);
    device.write(0, Uint8Array.of(1));
    stand.iommu.startDirtyTracking();
    expect(dirty(0, 8)).toEqual([0]);
    device.write(0, Uint8Array.of(1));
    stand.iommu.stopDirtyTracking();
    stand.iommu.stopDirtyTracking();
    expect(codeOf(() => dirty(0, 8))).toBe('EINVAL');
    stand.iommu.startDirtyTracking();
    expect(dirty(0, 8)).toEqual([]);
  });

  test('mappings made while tracking is on are tracked, from clean', () => {
    const { stand, device, dirty } = trackingStand([0, 2]);
    stand.map(2, 2);
    device.write(3n * PAGE, Uint8Array.of(1));
    expect(dirty(0, 4)).toEqual([3]);
    stand.iommu.unmap({ iova: 2n * PAGE, size: 2n * PAGE });
    stand.map(2, 2);
    expect(dirty(0, 4)).toEqual([]);
  });

  test('everything, as long as a group with a domain has pinned nothing itself', () => {
    const stand = type1Stand();
    stand.map(0, 4);
    const group = stand.iommu.attachGroup(physical);
    stand.iommu.startDirtyTracking();
    const into = target(8);
    stand.iommu.reportDirty(0n, 4n * PAGE, into);
    expect(bits(into.bytes)).toEqual([0, 1, 2, 3]);
    const device = stand.device(1, { group });
    expect(codeOf(() => device.pin(9n * PAGE, 1, 'read'))).toBe('EINVAL');
    stand.iommu.reportDirty(0n, 4n * PAGE, into);
    expect(bits(into.bytes)).toEqual([0, 1, 2, 3]);
    device.pin(PAGE, 1, 'read');
    stand.iommu.reportDirty(0n, 4n * PAGE, into);
    expect(bits(into.bytes)).toEqual([1]);
  });

  test('everything once more after such a group has gone and another domain is left', () => {
    const stand = type1Stand();
    stand.map(0, 2);
    stand.device(1, { group: stand.iommu.attachGroup(physical) }).pin(0, 1, 'read');
    stand.iommu.attachGroup({ ...physical, id: 10, driver: 'another' });
    stand.iommu.startDirtyTracking();
    stand.iommu.detachGroup(10);
    const into = target(8);
    stand.iommu.reportDirty(0n, 2n * PAGE, into);
    expect(bits(into.bytes)).toEqual([0, 1]);
    stand.iommu.reportDirty(0n, 2n * PAGE, into);
    expect(bits(into.bytes)).toEqual([0]);
  });
});

describe('the bitmap', () => {
  test('mappings at odd places are shifted relative to the range; pages that nobody maps keep their bits', () => {
    const { device, dirty } = trackingStand([10, 70], [200, 3]);
    for (const page of [10, 41, 42, 73, 79, 201]) device.write(BigInt(page) * PAGE, Uint8Array.of(1));
    const into = target(40);
    into.bytes[0] = 0b1000_0001;
    into.bytes[39] = 0x80;
    expect(dirty(3, 300, into)).toEqual([0, 7, 38, 39, 70, 76, 198, 319]);
  });

  test('as in the kernel, the rest of the last 64-bit word that a mapping touches becomes 0, what is before it stays', () => {
    const { dirty } = trackingStand([2, 2]);
    const into = target(16);
    into.bytes.fill(0xff);
    expect(dirty(0, 66, into)).toEqual([0, 1, ...Array.from({ length: 64 }, (_, i) => 64 + i)]);
  });

  test.each([
    ['no bitmap', 0n, 8n, 0, PAGE],
    ['too small', 0n, 65n, 8, PAGE],
    ['no range', 0n, 0n, 8, PAGE],
    ['another page size', 0n, 8n, 8, 2n * PAGE],
    ['no page size', 0n, 8n, 8, 0n],
    ['cuts a mapping at its beginning', 1n, 7n, 8, PAGE],
    ['cuts a mapping at its end', 0n, 7n, 8, PAGE],
    ['wraps', 2n ** 52n - 1n, 2n, 8, PAGE],
  ])('EINVAL: %s', (_, at, pages, bytes, pageSize) => {
    const { stand } = trackingStand([0, 8]);
    const report = () => stand.iommu.reportDirty(at * PAGE, pages * PAGE, target(bytes, pageSize));
    expect(codeOf(report)).toBe('EINVAL');
  });

  test('EINVAL: misaligned, larger than 256 MiB', () => {
    const { stand } = trackingStand([0, 8]);
    expect(codeOf(() => stand.iommu.reportDirty(2048n, PAGE, target(8)))).toBe('EINVAL');
    expect(codeOf(() => stand.iommu.reportDirty(0n, 8n * PAGE + 1n, target(8)))).toBe('EINVAL');
    const huge = { ...target(8), size: 268_435_457n };
    expect(codeOf(() => stand.iommu.reportDirty(0n, 8n * PAGE, huge))).toBe('EINVAL');
  });
});

describe('unmapping with a report', () => {
  test('the dirty pages of what goes are reported', () => {
    const { stand, device } = trackingStand([0, 4], [6, 2]);
    device.write(3n * PAGE, Uint8Array.of(1));
    device.write(6n * PAGE, Uint8Array.of(1));
    const into = target(8);
    expect(stand.iommu.unmap({ iova: 0n, size: 8n * PAGE, dirty: into })).toBe(6n * PAGE);
    expect(bits(into.bytes)).toEqual([3, 6]);
  });

  test('EINVAL: everything, addresses only, another page size, too small, tracking off', () => {
    const { stand } = trackingStand([0, 4]);
    const unmap = (request: object, dirty = target(8)) =>
      codeOf(() => stand.iommu.unmap({ iova: 0n, size: 4n * PAGE, dirty, ...request }));
    expect(unmap({ all: true, size: 0n })).toBe('EINVAL');
    expect(unmap({ addressOnly: true })).toBe('EINVAL');
    expect(unmap({}, target(8, 8192n))).toBe('EINVAL');
    expect(unmap({ size: 65n * PAGE })).toBe('EINVAL');
    stand.iommu.stopDirtyTracking();
    expect(unmap({})).toBe('EINVAL');
    expect(stand.mapped()).toEqual([[0, 4]]);
  });
});

describe('room for bits', () => {
  test('a mapping that is too large for a bitmap is refused, with memory behind it or without', () => {
    const { stand } = trackingStand();
    const map = (pages: bigint) =>
      codeOf(() => stand.iommu.map(stand.program, { iova: 0n, size: pages * PAGE, vaddr: 0n }));
    expect(map(2n ** 31n)).toBe('EINVAL');
    expect(stand.mapped()).toEqual([]);
    expect(map(2n ** 31n - 1n)).toBeUndefined();
  });

  test('start with such a mapping is EINVAL and tracks nothing', () => {
    const stand = type1Stand();
    stand.map(0, 1);
    stand.iommu.map(stand.program, { iova: 2n ** 44n, size: 2n ** 43n, vaddr: 0n });
    expect(codeOf(() => stand.iommu.startDirtyTracking())).toBe('EINVAL');
    expect(codeOf(() => stand.iommu.reportDirty(0n, PAGE, target(8)))).toBe('EINVAL');
  });

  test('no room left is ENOMEM; what unmapped mappings had is used again', () => {
    const stand = type1Stand({ dirtyPages: 128 });
    stand.iommu.startDirtyTracking();
    stand.map(0, 32);
    stand.map(32, 32);
    stand.map(64, 1);
    stand.map(66, 1);
    expect(codeOf(() => stand.map(70, 1))).toBe('ENOMEM');
    expect(stand.mapped()).toHaveLength(4);
    stand.iommu.unmap({ iova: 32n * PAGE, size: 32n * PAGE });
    stand.map(32, 32);
    stand.device(1).write(40n * PAGE, Uint8Array.of(1));
    const into = target(24);
    stand.iommu.reportDirty(0n, 192n * PAGE, into);
    expect(bits(into.bytes)).toEqual([40]);
  });
});

test('version 1 has none of it: EACCES', () => {
  const stand = type1Stand({ rules: 'type1v1' });
  expect(codeOf(() => stand.iommu.startDirtyTracking())).toBe('EACCES');
  expect(codeOf(() => stand.iommu.stopDirtyTracking())).toBe('EACCES');
  expect(codeOf(() => stand.iommu.reportDirty(0n, PAGE, target(8)))).toBe('EACCES');
});
