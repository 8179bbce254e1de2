/** Groups and domains of a container (spec/vfio-core 9.1, 9.7). */
import { describe, expect, test } from 'vitest';
import { codeOf, PAGE, Program, Stand, type1Stand, VADDR } from '../../dist-fixtures/iommu/stand.fixture.js';
import type { PhysicalGroup } from '#dist/iommu/groups.js';
import { Type1, type1Extension, type Type1Options } from '#dist/iommu/type1.js';

const LAST = 2n ** 64n - 1n;

function physical(id: number, more: Partial<PhysicalGroup> = {}): PhysicalGroup {
  return {
    id,
    kind: 'physical',
    pageSizes: 0x4020_1000n,
    aperture: { start: 0n, last: 2n ** 39n - 1n },
    reserved: [],
    coherent: true,
    isolatedInterrupts: true,
    driver: 'vt-d',
    ...more,
  };
}

/** An IOMMU without any group. */
function bare(options: Partial<Type1Options> = {}): Stand<Type1> {
  return new Stand((hooks) => new Type1({ rules: 'type1v2', pins: 64, dirtyPages: 64, ...hooks, ...options }));
}

describe('attaching', () => {
  test('twice is EINVAL, of either kind', () => {
    const { iommu } = bare();
    iommu.attachGroup({ id: 1, kind: 'emulated' });
    iommu.attachGroup(physical(2));
    expect(codeOf(() => iommu.attachGroup({ id: 1, kind: 'emulated' }))).toBe('EINVAL');
    expect(codeOf(() => iommu.attachGroup(physical(2)))).toBe('EINVAL');
    expect(codeOf(() => iommu.attachGroup(physical(1)))).toBe('EINVAL');
  });

  test('the first domain pins everything that is mapped, the last one unpins it', () => {
    const stand = type1Stand();
    const device = stand.device(1);
    const { space } = stand.iommu;
    stand.map(0, 4);
    stand.map(8, 2);
    device.pin(0, 1, 'read');
    expect(space.lockedPages).toBe(1);
    stand.iommu.attachGroup(physical(2));
    expect(space.lockedPages).toBe(6);
    stand.map(16, 3);
    device.pin(16n * PAGE, 3, 'read');
    expect(space.lockedPages).toBe(9);
    stand.iommu.detachGroup(2);
    expect(space.lockedPages).toBe(4);
    expect(stand.mapped()).toHaveLength(3);
    device.unpin(0, 1);
    device.unpin(16n * PAGE, 3);
    expect(space.lockedPages).toBe(0);
  });

  test('unmapping what a domain has pinned gives its pages back', () => {
    const stand = bare({ lockedPages: 4 });
    stand.iommu.attachGroup(physical(2));
    stand.map(0, 4);
    expect(codeOf(() => stand.map(8, 1))).toBe('ENOMEM');
    stand.iommu.unmap({ iova: 0n, size: 4n * PAGE });
    expect(stand.iommu.space.lockedPages).toBe(0);
    expect(codeOf(() => stand.map(8, 1))).toBeUndefined();
  });

  test('what cannot be pinned: no memory EFAULT, over the limit ENOMEM; the group is not attached', () => {
    const stand = type1Stand({ lockedPages: 4 });
    const { iommu, program } = stand;
    stand.map(0, 5);
    expect(codeOf(() => iommu.attachGroup(physical(2)))).toBe('ENOMEM');
    iommu.unmap({ iova: 0n, size: 5n * PAGE });
    iommu.map(program, { iova: 0n, size: PAGE, vaddr: 0n });
    expect(codeOf(() => iommu.attachGroup(physical(2)))).toBe('EFAULT');
    expect(iommu.space.lockedPages).toBe(0);
    expect(iommu.info().ranges).toEqual([]);
    expect(codeOf(() => iommu.map(program, { iova: 2n ** 40n, size: PAGE, vaddr: 0n }))).toBeUndefined();
  });

  test('with a domain, a mapping without memory is EFAULT and is not made', () => {
    const { iommu, program, ...stand } = bare();
    iommu.attachGroup(physical(2));
    expect(codeOf(() => iommu.map(program, { iova: 0n, size: PAGE, vaddr: 0n }))).toBe('EFAULT');
    expect(iommu.info().dmaAvail).toBe(65_535);
    expect(stand.notices).toEqual([]);
  });

  test('interrupts that are not isolated are EPERM, unless that is allowed', () => {
    const group = physical(2, { isolatedInterrupts: false });
    expect(codeOf(() => bare().iommu.attachGroup(group))).toBe('EPERM');
    expect(codeOf(() => bare({ allowUnsafeInterrupts: true }).iommu.attachGroup(group))).toBeUndefined();
  });
});

describe('what may be mapped', () => {
  const MSI = { start: 0xfee0_0000n, last: 0xfeef_ffffn };

  test('apertures less reserved ranges; relaxable ones do not count', () => {
    const { iommu, program } = bare();
    iommu.attachGroup(physical(2, { reserved: [MSI, { start: 0n, last: 0xfffn, relaxable: true }] }));
    const ranges = [
      { start: 0n, last: 0xfedf_ffffn },
      { start: 0xfef0_0000n, last: 2n ** 39n - 1n },
    ];
    expect(iommu.info().ranges).toEqual(ranges);
    const map = (iova: bigint, pages: bigint) =>
      codeOf(() => iommu.map(program, { iova, size: pages * PAGE, vaddr: VADDR }));
    expect(map(0xfedf_f000n, 1n)).toBeUndefined();
    expect(map(0xfedf_e000n, 1n)).toBeUndefined();
    expect(map(0xfee0_0000n, 1n)).toBe('EINVAL');
    expect(map(0xfeef_f000n, 2n)).toBe('EINVAL');
    expect(map(2n ** 39n - PAGE, 2n)).toBe('EINVAL');
    iommu.attachGroup(physical(3, { aperture: { start: PAGE, last: LAST } }));
    expect(iommu.info().ranges).toEqual([{ ...ranges[0], start: PAGE }, ranges[1]]);
    iommu.detachGroup(2);
    expect(iommu.info().ranges).toEqual([{ start: PAGE, last: LAST }]);
    iommu.detachGroup(3);
    expect(iommu.info().ranges).toEqual([]);
  });

  test('what is mapped must go with the new group: EINVAL, and nothing changes', () => {
    const stand = bare();
    const { iommu } = stand;
    iommu.attachGroup(physical(2));
    stand.map(0, 1);
    stand.map(16, 1);
    const before = iommu.info();
    const attach = (more: Partial<PhysicalGroup>) => codeOf(() => iommu.attachGroup(physical(3, more)));
    expect(attach({ aperture: { start: 2n ** 40n, last: LAST } })).toBe('EINVAL');
    expect(attach({ aperture: { start: PAGE, last: LAST } })).toBe('EINVAL');
    expect(attach({ aperture: { start: 0n, last: 16n * PAGE - 1n } })).toBe('EINVAL');
    expect(attach({ reserved: [{ start: 16n * PAGE + 5n, last: 16n * PAGE + 6n }] })).toBe('EINVAL');
    expect(attach({ reserved: [{ start: 0n, last: 0n, relaxable: true }] })).toBeUndefined();
    expect(iommu.info()).toEqual(before);
  });

  test('nothing left is EINVAL', () => {
    const reserved = [{ start: 0n, last: LAST }];
    expect(codeOf(() => bare().iommu.attachGroup(physical(2, { reserved })))).toBe('EINVAL');
  });
});

describe('page sizes', () => {
  test('what all domains can map; sizes below a page stand for a page', () => {
    const { iommu } = bare();
    expect(iommu.info().pageSizes).toBe(0xffff_ffff_ffff_f000n);
    iommu.attachGroup(physical(2, { pageSizes: 0x4020_1200n }));
    expect(iommu.info().pageSizes).toBe(0x4020_1000n);
    iommu.attachGroup(physical(3, { pageSizes: 0x4020_0000n, driver: 'smmu' }));
    expect(iommu.info().pageSizes).toBe(0x4020_0000n);
    iommu.detachGroup(3);
    expect(iommu.info().pageSizes).toBe(0x4020_1000n);
  });

  test('mappings are aligned to the smallest', () => {
    const stand = bare();
    stand.iommu.attachGroup(physical(2, { pageSizes: 0x2000n }));
    expect(codeOf(() => stand.map(1, 2))).toBe('EINVAL');
    expect(codeOf(() => stand.map(2, 1))).toBe('EINVAL');
    expect(codeOf(() => stand.map(2, 2))).toBeUndefined();
    expect(codeOf(() => stand.iommu.unmap({ iova: 3n * PAGE, size: 2n * PAGE }))).toBe('EINVAL');
  });
});

describe('detaching', () => {
  test('the last emulated group without a domain takes all mappings along, with what is pinned of them', () => {
    const stand = type1Stand();
    stand.iommu.attachGroup({ id: 5, kind: 'emulated' });
    stand.map(0, 4);
    stand.device(1).pin(0, 1, 'read');
    stand.iommu.detachGroup(5);
    expect(stand.mapped()).toHaveLength(1);
    stand.iommu.detachGroup(1);
    expect(stand.mapped()).toEqual([]);
    expect(stand.iommu.space.lockedPages).toBe(0);
    expect(stand.iommu.segments.all()).toEqual([]);
  });

  test('so does the last domain without an emulated group; the last emulated group beside a domain does not', () => {
    const stand = type1Stand();
    stand.iommu.attachGroup(physical(2));
    stand.map(0, 4);
    stand.iommu.detachGroup(1);
    expect(stand.mapped()).toHaveLength(1);
    stand.iommu.detachGroup(2);
    expect(stand.mapped()).toEqual([]);
    expect(stand.iommu.info().dmaAvail).toBe(65_535);
  });

  test('a domain that groups share lives until the last of them', () => {
    const stand = type1Stand();
    stand.iommu.attachGroup(physical(2));
    stand.iommu.attachGroup(physical(3));
    stand.map(0, 4);
    stand.iommu.detachGroup(2);
    expect(stand.iommu.space.lockedPages).toBe(4);
    stand.iommu.detachGroup(3);
    expect(stand.iommu.space.lockedPages).toBe(0);
  });

  test('a group that is not there is ignored', () => {
    const stand = type1Stand();
    stand.map(0, 1);
    stand.iommu.detachGroup(77);
    expect(stand.mapped()).toHaveLength(1);
  });
});

describe('extensions', () => {
  const known = [1, 3, 6, 9];

  test('without an IOMMU: the kinds of type1 and unmapping everything', () => {
    expect(Array.from({ length: 30 }, (_, n) => n - 1).filter((n) => type1Extension(n) === 1)).toEqual(known);
  });

  test('with one: coherent DMA if all domains enforce it, replacing addresses without emulated groups', () => {
    const { iommu } = bare();
    const answers = () => Array.from({ length: 30 }, (_, n) => n - 1).filter((n) => iommu.checkExtension(n) === 1);
    expect(answers()).toEqual([1, 3, 4, 6, 9, 10]);
    iommu.attachGroup({ id: 1, kind: 'emulated' });
    expect(answers()).toEqual([1, 3, 4, 6, 9]);
    iommu.attachGroup(physical(2, { coherent: false }));
    expect(answers()).toEqual(known);
  });
});

test('closing takes everything along', () => {
  const stand = type1Stand();
  stand.map(0, 1);
  stand.iommu.map(new Program(), { iova: PAGE, size: PAGE, vaddr: VADDR });
  stand.iommu.close();
  expect(stand.iommu.segments.all()).toEqual([]);
});
