/** An ioas and what devices do with it (spec/vfio-core 6.4, end of 9.6). */
import { describe, expect, test } from 'vitest';
import { codeOf, ioasStand, PAGE, VADDR } from '../../dist-fixtures/iommu/stand.fixture.js';
import { DeviceAccess } from '#dist/iommu/device-access.js';

describe('mapping', () => {
  test.each([
    ['no length', { length: 0n }, 'EINVAL'],
    ['misaligned iova', { iova: 1n }, 'EINVAL'],
    ['misaligned address', { vaddr: 1n }, 'EINVAL'],
    ['neither readable nor writeable', { readable: false }, 'EINVAL'],
    ['iova wraps', { iova: 2n ** 64n - PAGE, length: 2n * PAGE }, 'EOVERFLOW'],
    ['address wraps', { vaddr: 2n ** 64n - PAGE, length: 2n * PAGE }, 'EOVERFLOW'],
    ['overlaps', { iova: 8n * PAGE }, 'EEXIST'],
  ])('%s', (_, more, code) => {
    const stand = ioasStand();
    stand.map(8, 2);
    const request = { iova: 0n, vaddr: VADDR, length: PAGE, readable: true, ...more };
    expect(codeOf(() => stand.iommu.map(stand.program, request))).toBe(code);
    expect(stand.mapped()).toEqual([[8, 2]]);
  });

  test('without an iova, the lowest room is taken', () => {
    const { iommu, program } = ioasStand();
    const map = (pages: bigint) => iommu.map(program, { vaddr: VADDR, length: pages * PAGE, readable: true });
    expect([map(2n), map(2n), map(2n)]).toEqual([0n, 2n * PAGE, 4n * PAGE]);
    iommu.unmap(2n * PAGE, 2n * PAGE);
    expect([map(3n), map(1n), map(1n)]).toEqual([6n * PAGE, 2n * PAGE, 3n * PAGE]);
    const huge = { vaddr: 0n, length: 2n ** 64n - PAGE, readable: true };
    expect(codeOf(() => iommu.map(program, huge))).toBe('ENOSPC');
  });
});

describe('unmapping', () => {
  test('holes are ENOENT, areas go whole or not at all', () => {
    const stand = ioasStand();
    stand.map(4, 4);
    expect(codeOf(() => stand.iommu.unmap(0n, 4n * PAGE))).toBe('ENOENT');
    expect(codeOf(() => stand.iommu.unmap(4n * PAGE, 2n * PAGE))).toBe('ENOENT');
    expect(codeOf(() => stand.iommu.unmap(6n * PAGE, 8n * PAGE))).toBe('ENOENT');
    expect(codeOf(() => stand.iommu.unmap(0n, 0n))).toBe('EINVAL');
    expect(codeOf(() => stand.iommu.unmap(PAGE, 2n ** 64n - PAGE + PAGE))).toBe('EOVERFLOW');
    expect(stand.mapped()).toEqual([[4, 4]]);
    expect(stand.iommu.unmap(0n, 16n * PAGE)).toBe(4n * PAGE);
  });

  test('everything, also nothing', () => {
    const stand = ioasStand();
    expect(stand.iommu.unmapAll()).toBe(0n);
    stand.map(0, 1);
    stand.map(4, 2);
    expect(stand.iommu.unmapAll()).toBe(3n * PAGE);
  });

  test('an area with pins takes no new access, its devices are asked until they have unpinned', async () => {
    const stand = ioasStand();
    const device = stand.device(1);
    stand.map(0, 2);
    stand.map(2, 2);
    device.pin(2n * PAGE, 2, 'read');
    stand.onNotice = async () => {
      expect(codeOf(() => device.read(2n * PAGE, new Uint8Array(1)))).toBe('EINVAL');
      expect(codeOf(() => device.pin(3n * PAGE, 1, 'read'))).toBe('EINVAL');
      await Promise.resolve();
      device.unpin((1n + BigInt(stand.notices.length)) * PAGE, 1);
    };
    expect(await stand.iommu.unmap(0n, 4n * PAGE)).toBe(4n * PAGE);
    expect(stand.notices).toEqual(Array(2).fill({ iova: 2n * PAGE, size: 2n * PAGE }));
  });

  test('101 requests in vain: EDEADLK', () => {
    const stand = ioasStand();
    stand.map(0, 1);
    stand.device(1).pin(0, 1, 'read');
    expect(codeOf(() => stand.iommu.unmap(0n, PAGE))).toBe('EDEADLK');
    expect(stand.notices).toHaveLength(101);
    expect(stand.mapped()).toEqual([[0, 1]]);
    stand.iommu.removeDevice(1);
    expect(stand.iommu.unmap(0n, PAGE)).toBe(PAGE);
  });
});

describe('devices', () => {
  test('attached to nothing: ENOENT', () => {
    const device = new DeviceAccess();
    device.bind('unattached');
    expect(codeOf(() => device.read(0, new Uint8Array(1)))).toBe('ENOENT');
    expect(codeOf(() => device.pin(0, 1, 'read'))).toBe('ENOENT');
  });

  test('holes are ENOENT, ranges that wrap EOVERFLOW, writes to what is not writeable EPERM', () => {
    const stand = ioasStand();
    const device = stand.device(1);
    stand.map(0, 2, 1);
    stand.map(2, 2, 2);
    const bytes = new Uint8Array(16);
    expect(codeOf(() => device.read(4n * PAGE, bytes))).toBe('ENOENT');
    expect(codeOf(() => device.pin(3n * PAGE, 2, 'read'))).toBe('ENOENT');
    expect(codeOf(() => device.read(2n ** 64n - 8n, bytes))).toBe('EOVERFLOW');
    expect(codeOf(() => device.pin(2n ** 64n - PAGE, 2, 'read'))).toBe('EOVERFLOW');
    expect(codeOf(() => device.write(0, bytes))).toBe('EPERM');
    expect(codeOf(() => device.pin(0, 1, 'write'))).toBe('EPERM');
    // Reading needs no right of its own here.
    expect(codeOf(() => device.read(2n * PAGE, bytes))).toBeUndefined();
    expect(stand.iommu.space.pins.inMapping(stand.iommu.space.mappings.find(2))).toBe(0);
  });

  test('there is no limit of 512 pages, and no device list', () => {
    const stand = ioasStand();
    const { iommu, program } = stand;
    for (let i = 0n; i < 10n; i++)
      iommu.map(program, { iova: i * 64n * PAGE, vaddr: VADDR, length: 64n * PAGE, readable: true });
    expect(stand.device(1).pin(0, 640, 'read')).toHaveLength(640);
  });
});

test('with a domain everything is pinned, all or nothing', () => {
  const stand = ioasStand({ lockedPages: 4 });
  const { iommu, program } = stand;
  stand.map(0, 5);
  expect(codeOf(() => iommu.addDomain())).toBe('ENOMEM');
  iommu.unmapAll();
  stand.map(0, 4);
  iommu.addDomain();
  iommu.addDomain();
  expect(iommu.space.lockedPages).toBe(4);
  expect(codeOf(() => stand.map(8, 1))).toBe('ENOMEM');
  iommu.removeDomain();
  expect(codeOf(() => iommu.map(program, { vaddr: 0n, length: PAGE, readable: true }))).toBe('EFAULT');
  iommu.removeDomain();
  expect(iommu.space.lockedPages).toBe(0);
  iommu.close();
  expect(iommu.segments.all()).toEqual([]);
});
