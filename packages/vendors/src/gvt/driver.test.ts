/** GVT-g: types, what is left of them, the life of a vGPU, on two threads. */
import { type Mdev, Runtime } from '@mediated/core';
import { gvtUrl } from '@mediated/vendors';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { GvtClient, GvtStage } from '../../dist-fixtures/gvt/stage.fixture.js';

const MB = 2 ** 20;
const code = (name: string) => expect.objectContaining({ code: name });
const LIMITS = { low: (512 - 128) * MB, high: (4096 - 512 - 384) * MB, fences: 28 };
const SIZES: Record<number, { low: number; high: number }> = {
  8: { low: 64 * MB, high: 384 * MB },
  4: { low: 128 * MB, high: 512 * MB },
  2: { low: 256 * MB, high: 1024 * MB },
};

/** The formula, for a GPU with these vGPUs. */
function expected(live: readonly number[]): number[] {
  const sum = (what: 'low' | 'high') => live.reduce((total, number) => total + SIZES[number][what], 0);
  return [8, 4, 2].map((number) =>
    Math.min(
      Math.floor((LIMITS.low - sum('low')) / SIZES[number].low),
      Math.floor((LIMITS.high - sum('high')) / SIZES[number].high),
      Math.floor((LIMITS.fences - 4 * live.length) / 4),
    ),
  );
}

describe('types', () => {
  test.each([
    [{ aperture: 128 }, []],
    [{ aperture: 256 }, [2, 1]],
    [{ aperture: 512 }, [6, 3, 1]],
    [{ aperture: 1024 }, [7, 5, 2, 1]],
    [{ aperture: 512, fences: 12 }, [2, 2, 1]],
    [{ aperture: 512, memory: 1280 }, [1, 0, 0]],
  ])('gvt 2, 3: a GPU with %j offers %j', async (options, counts) => {
    await using stage = await GvtStage.set(options);
    const numbers = [8, 4, 2, 1].slice(0, counts.length);
    expect(stage.parent.types.map(({ id, name }) => [id, name])).toEqual(
      numbers.map((number) => [`i915-GVTg_V5_${number}`, `GVTg_V5_${number}`]),
    );
    expect(await stage.available()).toEqual(counts);
  });

  test('generation 8 has names of its own; the parent is the GPU', async () => {
    await using runtime = Runtime.start();
    await runtime.loadDriver(gvtUrl, { options: { platform: 'broadwell' } });
    const parent = runtime.bus.parent('0000:00:02.0');
    expect(parent.types.map(({ id }) => id)).toEqual(['i915-GVTg_V4_8', 'i915-GVTg_V4_4', 'i915-GVTg_V4_2']);
    expect([parent.deviceApi, parent.describes, parent.path]).toEqual([
      'vfio-pci',
      true,
      '/devices/pci0000:00/0000:00:02.0',
    ]);
    expect(await parent.description('i915-GVTg_V4_4')).toBe(
      'low_gm_size: 128MB\nhigh_gm_size: 512MB\nfence: 4\nresolution: 1920x1200\nweight: 4\n',
    );
  });

  test.each([
    [{ aperture: 300 }],
    [{ aperture: 64 }],
    [{ memory: 512 }],
    [{ memory: 1e9 }],
    [{ fences: 3 }],
    [{ fences: 33 }],
    [{ platform: 'vax' as 'skylake' }],
  ])('%j is no GPU: EINVAL', async (options) => {
    await expect(GvtStage.set(options)).rejects.toEqual(code('EINVAL'));
  });
});

describe('creation', () => {
  let stage: GvtStage;
  const made: Mdev[] = [];

  beforeAll(async () => {
    stage = await GvtStage.set();
  });
  afterAll(() => stage.runtime.close());
  afterEach(async () => {
    stage.failing = false;
    for (const mdev of made.splice(0)) await mdev.remove();
    expect(await stage.available()).toEqual([6, 3, 1]);
  });

  async function create(number: number): Promise<Mdev> {
    const mdev = await stage.create(number);
    made.push(mdev);
    return mdev;
  }
  const idOf = async (mdev: Mdev) => Number(await mdev.showAttribute('intel_vgpu/vgpu_id'));

  test('gvt 1, 2: what is left is the formula after every create and remove, failed creates included', async () => {
    const live: [number, Mdev][] = [];
    for (const number of [8, 2, 4, 8, 8, 4, 2, 8]) {
      const room = expected(live.map(([each]) => each))[[8, 4, 2].indexOf(number)];
      if (room > 0) live.push([number, await create(number)]);
      else await expect(create(number)).rejects.toEqual(code('ENOSPC'));
      expect(await stage.available()).toEqual(expected(live.map(([each]) => each)));
    }
    while (live.length > 0) {
      const [, mdev] = live.splice(live.length >> 1, 1)[0];
      made.splice(made.indexOf(mdev), 1);
      await mdev.remove();
      expect(await stage.available()).toEqual(expected(live.map(([each]) => each)));
    }
  });

  test('gvt 4: ids are 1 to 7, unique, and reused; what is refused takes none', async () => {
    const mdevs = [];
    for (let i = 0; i < 6; i++) mdevs.push(await create(8));
    expect(await Promise.all(mdevs.map(idOf))).toEqual([1, 2, 3, 4, 5, 6]);
    await expect(create(8)).rejects.toEqual(code('ENOSPC'));
    await mdevs[2].remove();
    made.splice(2, 1);
    expect(await idOf(await create(8))).toBe(3);
  });

  test('gvt 4: seven of the smallest are all that any GPU has', async () => {
    await using large = await GvtStage.set({ aperture: 1024 });
    const mdevs = [];
    for (let i = 0; i < 7; i++) mdevs.push(await large.create(8));
    expect(await Promise.all(mdevs.map(idOf))).toEqual([1, 2, 3, 4, 5, 6, 7]);
    await expect(large.create(8)).rejects.toEqual(code('ENOSPC'));
    expect(await large.available()).toEqual([0, 0, 0, 0]);
  });

  test('gvt 5: a creation that fails at its last step leaves nothing taken', async () => {
    await create(8);
    const before = await stage.available();
    stage.failing = true;
    await expect(create(4)).rejects.toEqual(code('ENOMEM'));
    expect(await stage.available()).toEqual(before);
    stage.failing = false;
    expect(await idOf(await create(4))).toBe(2);
  });

  test('gvt 6: slices of graphics memory never overlap; what the host keeps is nobody’s', async () => {
    const slices: [bigint, bigint][] = [];
    const freed = await create(8);
    for (const number of [4, 8, 8]) await create(number);
    await freed.remove();
    made.splice(0, 1);
    await create(8);
    for (const [i, mdev] of made.entries()) {
      const client = new GvtClient(await stage.open(mdev, i + 1));
      const { bytes } = await client.region(2);
      const view = new DataView(bytes.buffer);
      slices.push([view.getBigUint64(48, true), view.getBigUint64(56, true)]);
      await client.file.close();
    }
    slices.sort(([a], [b]) => Number(a - b));
    let end = BigInt(128 * MB);
    for (const [start, size] of slices) {
      expect(start).toBeGreaterThanOrEqual(end);
      end = start + size;
    }
    expect(end).toBeLessThanOrEqual(BigInt(512 * MB));
  });

  test('gvt 14: removing an open vGPU waits for the last close, and so do its resources', async () => {
    const mdev = await stage.create(2);
    const file = await stage.open(mdev, 1);
    const removal = mdev.remove();
    await expect(stage.open(mdev, 2)).rejects.toEqual(code('ENODEV'));
    expect(await stage.available()).toEqual(expected([2]));
    await file.close();
    await removal;
    expect(await stage.available()).toEqual([6, 3, 1]);
  });
});

describe('several threads', () => {
  /** The last digit chooses the thread. */
  const uuidOf = (number: number) => `${number.toString(16).padStart(8, '0')}-0000-0000-0000-000000000000`;

  test('gvt 1, 4: of concurrent creates on two threads just as many succeed as there is room for', async () => {
    await using stage = await GvtStage.set();
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 12 }, (_, i) => stage.create([8, 4, 2][(i + round) % 3], uuidOf(i))),
      );
      const mdevs = outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ value }) => value);
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason.code);
      expect(new Set(refused)).toEqual(new Set(['ENOSPC']));
      const live = mdevs.map(({ type }) => Number(type.at(-1)));
      expect(await stage.available()).toEqual(expected(live));
      const ids = await Promise.all(mdevs.map((mdev) => mdev.showAttribute('intel_vgpu/vgpu_id')));
      expect(new Set(ids).size).toBe(ids.length);
      await Promise.all(mdevs.map((mdev) => mdev.remove()));
      expect(await stage.available()).toEqual([6, 3, 1]);
    }
  });

  test('gvt 7: of vGPUs on two threads that one machine opens at once, one is opened', async () => {
    await using stage = await GvtStage.set();
    const mdevs = await Promise.all([0, 1, 2, 3].map((i) => stage.create(8, uuidOf(i))));
    expect(new Set(mdevs.map(({ shard }) => shard)).size).toBe(2);
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.allSettled(mdevs.map((mdev) => stage.open(mdev, 5)));
      const files = outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ value }) => value);
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason.code);
      expect([files.length, refused]).toEqual([1, ['EEXIST', 'EEXIST', 'EEXIST']]);
      await files[0].close();
    }
  });

  test('what a thread that dies had is free again', async () => {
    await using stage = await GvtStage.set();
    const dead = await stage.create(2, uuidOf(1));
    const other = await stage.create(8, uuidOf(0));
    const client = new GvtClient(await stage.open(dead, 5));
    await expect(client.command('die')).rejects.toEqual(code('EIO'));
    expect(await stage.available()).toEqual(expected([8]));
    const file = await stage.open(other, 5);
    expect(await (await stage.create(2, uuidOf(2))).showAttribute('intel_vgpu/vgpu_id')).toBe('1\n');
    await file.close();
  });
});
