/** MAP_DMA: what is refused, in which order, and what is counted (spec/vfio-core 9.3). */
import { describe, expect, test } from 'vitest';
import { codeOf, PAGE, Program, Stand, type1Stand, VADDR } from '../../dist-fixtures/iommu/stand.fixture.js';
import { Type1 } from '#dist/iommu/type1.js';

const READ = 1;
const REPLACE = 4;
const TOP = 2n ** 64n;

describe('vfio-core 23.15: map checks in the order of section 9.3', () => {
  const stand = type1Stand({ entries: 3 });
  const map = (iova: bigint, size: bigint, vaddr = VADDR, flags = READ) =>
    codeOf(() => stand.iommu.map(stand.program, { iova, size, vaddr, flags }));
  stand.map(0, 4);

  test.each([
    ['an unknown flag comes before all else', 0n, 1n, 1n, 8, 'EINVAL'],
    ['neither access nor replacement, although it overlaps', 0n, PAGE, VADDR, 0, 'EINVAL'],
    ['both access and replacement', 0n, PAGE, VADDR, REPLACE | READ, 'EINVAL'],
    ['no size, although it overlaps', 0n, 0n, VADDR, READ, 'EINVAL'],
    ['size misaligned and overlapping', 0n, PAGE + 1n, VADDR, READ, 'EINVAL'],
    ['iova misaligned and overlapping', 2048n, PAGE, VADDR, READ, 'EINVAL'],
    ['vaddr misaligned and overlapping', 0n, PAGE, VADDR + 1n, READ, 'EINVAL'],
    ['iova wraps', TOP - PAGE, 2n * PAGE, VADDR, READ, 'EINVAL'],
    ['vaddr wraps', 0n, 2n * PAGE, TOP - PAGE, READ, 'EINVAL'],
    ['replacement where nothing is mapped', 16n * PAGE, PAGE, VADDR, REPLACE, 'ENOENT'],
    ['replacement of a valid address', 0n, 4n * PAGE, VADDR, REPLACE, 'EINVAL'],
    ['overlap at the end', 3n * PAGE, 2n * PAGE, VADDR, READ, 'EEXIST'],
    ['overlap by containing', 0n, 64n * PAGE, VADDR, READ, 'EEXIST'],
  ])('%s', (_, iova, size, vaddr, flags, code) => {
    expect(map(iova, size, vaddr, flags)).toBe(code);
    expect(stand.mapped()).toEqual([[0, 4]]);
  });

  test('overlapping with no entries left is EEXIST, otherwise ENOSPC', () => {
    expect(map(4n * PAGE, PAGE)).toBeUndefined();
    expect(map(8n * PAGE, PAGE)).toBeUndefined();
    expect(map(8n * PAGE, PAGE)).toBe('EEXIST');
    expect(map(16n * PAGE, PAGE)).toBe('ENOSPC');
    expect(stand.iommu.info().dmaAvail).toBe(0);
  });
});

test('the top page, addresses above 52 bits and memory that nobody has registered can be mapped', () => {
  const stand = type1Stand();
  for (const iova of [TOP - PAGE, 2n ** 52n, TOP - 2n ** 63n])
    stand.iommu.map(stand.program, { iova, size: PAGE, vaddr: 0x1000n, flags: READ });
  stand.iommu.map(stand.program, { iova: 0n, size: 2n ** 52n, vaddr: 0n });
  expect(stand.mapped()).toEqual([
    [0, 2 ** 40],
    [2 ** 40, 1],
    [2 ** 51, 1],
    [2 ** 52 - 1, 1],
  ]);
});

test('vfio-core 23.17: dma_avail is 65535 less the number of mappings', () => {
  const stand = type1Stand();
  expect(stand.iommu.info().dmaAvail).toBe(65_535);
  for (let i = 0; i < 10; i++) stand.map(2 * i, 1);
  expect(codeOf(() => stand.map(0, 1))).toBe('EEXIST');
  expect(stand.iommu.info().dmaAvail).toBe(65_525);
  stand.iommu.unmap({ iova: 0n, size: 5n * PAGE });
  expect(stand.iommu.info().dmaAvail).toBe(65_528);
  stand.iommu.unmap({ iova: 0n, size: 0n, all: true });
  expect(stand.iommu.info().dmaAvail).toBe(65_535);
});

test('65,535 mappings fit, one more is ENOSPC', () => {
  const { iommu, program } = type1Stand();
  for (let i = 0n; i < 65_535n; i++) iommu.map(program, { iova: i * 2n * PAGE, size: PAGE, vaddr: VADDR });
  expect(codeOf(() => iommu.map(program, { iova: PAGE, size: PAGE, vaddr: VADDR }))).toBe('ENOSPC');
  expect(iommu.space.mappings.find(2 * 65_534)).not.toBe(-1);
  expect(iommu.space.mappings.find(1)).toBe(-1);
  expect(iommu.unmap({ iova: 0n, size: 0n, all: true })).toBe(65_535n * PAGE);
});

describe('memory is handed to threads before a mapping names it', () => {
  const slowStand = () => {
    let arrive = () => {};
    const arrivals: number[] = [];
    const departures: number[] = [];
    const stand: Stand<Type1> = new Stand(
      (hooks) =>
        new Type1({
          ...hooks,
          rules: 'type1v2',
          audience: {
            share: (segment) =>
              new Promise((resolve) => {
                arrive = () => {
                  arrivals.push(segment.id);
                  resolve();
                };
              }),
            unshare: (id) => departures.push(id),
          },
        }),
    );
    return { stand, arrivals, departures, arrive: () => arrive() };
  };

  test('a map waits for all threads; a second map of the same memory waits with it', async () => {
    const { stand, arrivals, arrive } = slowStand();
    const maps = [0n, 8n].map((at) => stand.iommu.map(stand.program, { iova: at * PAGE, size: PAGE, vaddr: VADDR }));
    expect(stand.mapped()).toEqual([]);
    arrive();
    await Promise.all(maps);
    expect(stand.mapped()).toEqual([
      [0, 1],
      [8, 1],
    ]);
    expect(arrivals).toHaveLength(1);
    expect(stand.iommu.map(stand.program, { iova: 16n * PAGE, size: PAGE, vaddr: VADDR })).toBeUndefined();
    expect(stand.iommu.segments.all().map(({ memory }) => memory)).toEqual([stand.program.memory]);
  });

  test('of two maps of one place that wait, the second is EEXIST; what failed keeps no memory', async () => {
    const { stand, departures, arrive } = slowStand();
    const other = new Program();
    const first = stand.iommu.map(stand.program, { iova: 0n, size: PAGE, vaddr: VADDR });
    arrive();
    const second = stand.iommu.map(other, { iova: 0n, size: PAGE, vaddr: VADDR });
    arrive();
    await first;
    await expect(second).rejects.toMatchObject({ code: 'EEXIST' });
    expect(departures).toEqual([2]);
    stand.iommu.unmap({ iova: 0n, size: PAGE });
    expect(departures).toEqual([2, 1]);
    expect(stand.iommu.segments.all()).toEqual([]);
  });
});

test('options that are none are EINVAL', () => {
  expect(codeOf(() => type1Stand({ entries: 65_536 }))).toBe('EINVAL');
  expect(codeOf(() => type1Stand({ pins: 0 }))).toBe('EINVAL');
});
