/** vgpu on a running bus: types and limits of profiles on several threads, devices, attributes. */
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import { vgpuUrl } from '@mediated/vendors';
import { InterruptCounter, openDevice } from '@mediated/vfio';
import * as uapi from '@mediated/vfio/uapi';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DisplayClient } from '../../dist-fixtures/framebuffer/display-client.fixture.js';

const { code } = DisplayClient;
const THREADS = 3;

async function start(options: unknown): Promise<Runtime> {
  const runtime = Runtime.start({ closeDeadline: 0, maxDevices: 512, maxParents: 8 });
  onTestFinished(() => runtime.close());
  await runtime.loadDriver(vgpuUrl, { threads: THREADS, options });
  return runtime;
}

/** Creates at once, of these types in turn; how many were made of each. */
async function flood(
  parent: Parent,
  types: readonly string[],
  each: number,
): Promise<{ made: Mdev[]; codes: Set<string> }> {
  const made: Mdev[] = [];
  const codes = new Set<string>();
  const one = (type: string) =>
    parent.create(type).then(
      (mdev) => made.push(mdev),
      (error: { code: string }) => codes.add(error.code),
    );
  await Promise.all(Array.from({ length: each * types.length }, (_, i) => one(types[i % types.length] as string)));
  return { made, codes };
}

describe('shipped profiles', () => {
  test('a T4 offers its types under its own names, as nvidia would', async () => {
    const runtime = await start({ profile: 't4' });
    const parent = runtime.bus.parent('0000:3b:00.0');
    expect([parent.driver, parent.subsystem, parent.deviceApi, parent.path]).toEqual([
      'nvidia',
      'pci',
      'vfio-pci',
      '/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0',
    ]);
    expect(parent.type('nvidia-231').name).toBe('GRID T4-2Q');
    expect(await parent.description('nvidia-231')).toBe(
      'num_heads=4, frl_config=60, framebuffer=2048M, max_resolution=7680x4320, max_instance=8\n',
    );
    expect(await parent.availableInstances('nvidia-231')).toBe(8);
    const mdev = await parent.create('nvidia-231');
    const available = await Promise.all(parent.types.map(({ id }) => parent.availableInstances(id)));
    expect(parent.types.filter((_, i) => available[i] !== 0).map(({ id }, i) => [id, i])).toEqual([['nvidia-231', 0]]);
    expect(await parent.availableInstances('nvidia-231')).toBe(7);
    expect(await code(parent.create('nvidia-222'))).toBe('ENOSPC');
    await mdev.remove();
    expect(await parent.availableInstances('nvidia-222')).toBe(16);
    await parent.create('nvidia-222');
  });

  test('each of the four GPUs of an M10 has one type of its own', async () => {
    const runtime = await start({ profile: 'm10' });
    const parents = runtime.bus.parents();
    expect(parents.map(({ name }) => name)).toEqual(['0000:84:00.0', '0000:85:00.0', '0000:86:00.0', '0000:87:00.0']);
    const types = ['nvidia-35', 'nvidia-39', 'nvidia-41', 'nvidia-45'];
    for (const [i, parent] of parents.entries()) await parent.create(types[i] as string);
    for (const [i, parent] of parents.entries()) {
      const others = types.filter((_, at) => at !== i).map((type) => code(parent.create(type)));
      expect(await Promise.all(others)).toEqual(['ENOSPC', 'ENOSPC', 'ENOSPC']);
    }
  });

  test('MIG-backed types of an A100 share its slices, time-sliced ones nothing', async () => {
    const runtime = await start({ profile: 'a100' });
    const [parent] = runtime.bus.parents() as [Parent];
    const available = (type: string) => parent.availableInstances(`nvidia-${type}`);
    expect(await Promise.all(['474', '475', '476', '477', '478'].map(available))).toEqual([7, 3, 2, 1, 1]);
    const mdev = await parent.create('nvidia-476');
    expect(await Promise.all(['474', '475', '476', '477', '478', '471'].map(available))).toEqual([4, 2, 1, 1, 0, 0]);
    await parent.create('nvidia-477');
    expect(await parent.showAttribute('vgpu/resources')).toBe('framebuffer 0 of 40960\ncompute_slices 0 of 7\n');
    await mdev.remove();
    expect(await available('474')).toBe(3);
  });

  test('types of GVT-g share graphics memory and fences', async () => {
    const runtime = await start({ profile: 'i915-gvtg' });
    const [parent] = runtime.bus.parents() as [Parent];
    const available = () => Promise.all(parent.types.map(({ id }) => parent.availableInstances(id)));
    expect(parent.types.map(({ id, name }) => [id, name])).toEqual(
      ['GVTg_V5_8', 'GVTg_V5_4', 'GVTg_V5_2'].map((name) => [`i915-${name}`, name]),
    );
    expect(await available()).toEqual([6, 3, 1]);
    const mdev = await parent.create('i915-GVTg_V5_4');
    expect(await available()).toEqual([4, 2, 1]);
    expect(await mdev.showAttribute('intel_vgpu/vgpu_id')).toBe('0\n');
  });
});

describe('limits', () => {
  const profile = {
    name: 'card',
    exclusive: true,
    maxInstances: 10,
    resources: { framebuffer: 64 },
    parents: [{ name: 'gpu' }],
    types: [
      { name: 'a', framebuffer: 8, instances: 5 },
      { name: 'b', framebuffer: 16 },
      { name: 'c', framebuffer: 4, group: 'shared' },
      { name: 'd', framebuffer: 4, group: 'shared' },
    ],
  };

  test('no schedule gives more than there is, nor two groups at once; some type always wins', async () => {
    const runtime = await start({ profile });
    const parent = runtime.bus.parent('gpu');
    const most = { 'card-a': 5, 'card-b': 4 } as Record<string, number>;
    for (let round = 0; round < 12; round++) {
      const { made, codes } = await flood(parent, ['card-a', 'card-b', 'card-c', 'card-d'], 12);
      const types = new Set(made.map(({ type }) => type));
      const shared = types.has('card-c') || types.has('card-d');
      const [first] = types;
      expect([...codes]).toEqual(['ENOSPC']);
      if (shared) expect([...types].filter((type) => type === 'card-a' || type === 'card-b')).toEqual([]);
      else expect(types.size).toBe(1);
      expect(made).toHaveLength(shared ? 10 : (most[first as string] as number));
      await Promise.all(made.map((mdev) => mdev.remove()));
      expect(await parent.showAttribute('vgpu/resources')).toBe('framebuffer 64 of 64\n');
    }
  });

  test('creates and removals of one type keep the others out, and nothing is lost', async () => {
    const runtime = await start({ profile });
    const parent = runtime.bus.parent('gpu');
    const keeper = await parent.create('card-a');
    const churn = Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 10; i++) await (await parent.create('card-a').catch(() => undefined))?.remove();
    });
    const others = Array.from({ length: 40 }, () => code(parent.create('card-b')));
    expect(new Set(await Promise.all(others))).toEqual(new Set(['ENOSPC']));
    await Promise.all(churn);
    expect(await parent.availableInstances('card-a')).toBe(4);
    await keeper.remove();
    expect(await parent.availableInstances('card-b')).toBe(4);
  });

  test('what devices of a thread had comes back when it dies', async () => {
    const runtime = await start({ profile });
    const parent = runtime.bus.parent('gpu');
    const { made } = await flood(parent, ['card-a'], 5);
    expect(made).toHaveLength(5);
    const restarted = new Promise<void>((resolve) => runtime.system.events.on('threadRestart', () => resolve()));
    const doomed = made.filter(({ shard }) => shard === 0);
    await (await runtime.system.thread('card/0')).worker.terminate();
    await restarted;
    const left = made.filter((mdev) => !doomed.includes(mdev));
    for (const mdev of left) await mdev.remove();
    const { made: again } = await flood(runtime.bus.parent('gpu'), ['card-b'], 8);
    expect(again).toHaveLength(4);
  });

  test('two profiles of one name are loaded side by side under two', async () => {
    const runtime = await start({ profile });
    expect(await code(runtime.loadDriver(vgpuUrl, { options: { profile } }))).toBe('EBUSY');
    const other = { ...profile, parents: [{ name: 'second' }] };
    await runtime.loadDriver(vgpuUrl, { options: { profile: other, name: 'card2' } });
    expect(runtime.bus.parent('second').types.map(({ id }) => id)).toContain('card-a');
  });

  test.each([
    [undefined, 'the option profile is missing'],
    [{ profiles: 't4' }, 'there is no option profiles'],
    [{ profile: { name: 'x', types: [{ name: 'a' }] } }, '/types/0: nothing limits its number'],
  ])('options %j are EINVAL', async (options, message) => {
    await expect(start(options)).rejects.toMatchObject({ code: 'EINVAL', message: expect.stringContaining(message) });
  });

  test('faults are injected as into any driver', async () => {
    const runtime = await start({ profile, faults: { fail_create: '2 EBUSY' } });
    const { made, codes } = await flood(runtime.bus.parent('gpu'), ['card-a'], 7);
    expect([made.length, [...codes]]).toEqual([5, ['EBUSY']]);
  });
});

describe('a device', () => {
  const profile = {
    name: 'card',
    parents: [{ name: 'gpu' }],
    aperture: 2,
    pci: { vendor: '0x10de', device: '0x1eb8', subsystemDevice: '0x0001' },
    types: [{ name: 'one', prettyName: 'Card One', framebuffer: 3, instances: 2, description: ['first', 'second'] }],
    attributes: {
      'vendor/params': { value: 'default of {uuid}', writable: true },
      model: { value: '{prettyName} ({type}) of {parent}, {unknown}' },
    },
    parentAttributes: { 'vendor/mode': { value: '{parent}: off', writable: true } },
  };

  async function open() {
    const runtime = await start({ profile });
    const parent = runtime.bus.parent('gpu');
    const mdev = await parent.create('card-one');
    const file = await openDevice(runtime.bus, mdev);
    return { runtime, parent, mdev, file, client: new DisplayClient(file) };
  }

  test('has the attributes of its profile; what is written is shown again', async () => {
    const { mdev, parent } = await open();
    expect(await parent.description('card-one')).toBe('first\nsecond\n');
    expect(await mdev.showAttribute('vendor/params')).toBe(`default of ${mdev.uuid}\n`);
    await mdev.storeAttribute('vendor/params', 'frame_rate_limiter=0\n');
    expect(await mdev.showAttribute('vendor/params')).toBe('frame_rate_limiter=0\n');
    expect(await mdev.showAttribute('model')).toBe('Card One (one) of gpu, {unknown}\n');
    expect(await code(mdev.storeAttribute('model', 'x'))).toBe('EACCES');
    expect(await parent.showAttribute('vendor/mode')).toBe('gpu: off\n');
    await parent.storeAttribute('vendor/mode', 'on');
    expect(await parent.showAttribute('vendor/mode')).toBe('on');
    const other = await parent.create('card-one');
    expect(await other.showAttribute('vendor/params')).toBe(`default of ${other.uuid}\n`);
  });

  test('is a PCI function with the identity of its profile, whose BARs answer the sizing question', async () => {
    const { client } = await open();
    const config = 7 * 2 ** 40;
    expect(await client.read(config, 4)).toBe('de10b81e');
    expect(await client.read(config + 0x2c, 4)).toBe('de100100');
    expect(await client.read(config + 8, 4)).toBe('00000003');
    await client.write(config + 0x18, 'ffffffff');
    expect(await client.read(config + 0x18, 4)).toBe('0800e0ff');
    await client.write(config, 'ffffffff');
    expect(await client.read(config, 4)).toBe('de10b81e');
    expect((await client.read(config + 254, 8)).length).toBe(4);
    expect(await client.info(16)).toMatchObject({ flags: 3, num_regions: 9, num_irqs: 5 });
    expect(await client.region(0)).toMatchObject({ flags: 3, size: 4096n, offset: 0n });
    expect(await client.region(2)).toMatchObject({ flags: 7, size: 2n ** 21n, offset: 2n ** 41n });
    expect(await client.region(7)).toMatchObject({ flags: 3, size: 256n, offset: 7n * 2n ** 40n });
    expect(await client.region(1)).toMatchObject({ flags: 0, size: 0n });
    expect(await code(client.region(9))).toBe('EINVAL');
    expect(await client.irq(1)).toMatchObject({ flags: 9, count: 1 });
  });

  test('has registers, and raises its interrupt at a doorbell', async () => {
    const { file, client } = await open();
    expect(await client.read(0, 4)).toBe(Buffer.from('VGPU').toString('hex'));
    expect(await client.read(4, 4)).toBe('03000000');
    await client.write32(8, 0x12345678);
    expect(await client.read(8, 4)).toBe('78563412');
    expect(await code(client.read(9, 4))).toBe('EINVAL');
    const counter = InterruptCounter.create();
    const argument = uapi.irqSet.bytes({ argsz: 24, flags: 0x24, index: 1, start: 0, count: 1 }, 24);
    new DataView(argument.buffer).setInt32(20, 3, true);
    await file.ioctl(uapi.DEVICE_SET_IRQS, argument, new Map([[3, counter.passed]]));
    await client.write32(12, 1);
    await client.write32(12, 1);
    expect(counter.take()).toBe(2);
    expect(await client.read(12, 4)).toBe('02000000');
    await file.ioctl(uapi.DEVICE_RESET);
    expect([await client.read(8, 4), await client.read(12, 4)]).toEqual(['00000000', '00000000']);
    expect(await code(file.ioctl(0x3b00))).toBe('ENOTTY');
  });

  test('shows a part of its framebuffer, mapped or not', async () => {
    const { file, client } = await open();
    const memory = await file.mmap(2 ** 41, 2 ** 21);
    memory.set([1, 2, 3], 100);
    expect(await client.read(2 ** 41 + 100, 4)).toBe('01020300');
    await client.write(2 ** 41 + 2 ** 21 - 1, 'ab');
    expect(memory.at(-1)).toBe(0xab);
    expect(await client.read(2 ** 41 + 2 ** 21, 4)).toBe('');
    expect(await code(file.mmap(0, 4096))).toBe('EINVAL');
    expect(await code(file.mmap(2 ** 41, 2 ** 21 + 1))).toBe('EINVAL');
    expect(await code(file.mmap(2 ** 41 + 1, 4096))).toBe('EINVAL');
    expect(await code(file.mmap(2 ** 41, 4096, { shared: false }))).toBe('EINVAL');
    (await file.mmap(2 ** 41 + 4096, 4096))[0] = 0xcd;
    expect(memory[4096]).toBe(0xcd);
    expect(await code(client.read(2 ** 40, 4))).toBe('EINVAL');
  });
});
