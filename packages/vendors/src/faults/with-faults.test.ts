/** A driver on two threads that is told to misbehave through the attributes of its parent and its load options. */
import { type Mdev, type Parent, Runtime } from '@mediated/core';
import { describe, expect, onTestFinished, test } from 'vitest';

const DRIVER = new URL('../../dist-fixtures/faults/plain-driver.fixture.js', import.meta.url);

async function start(options?: unknown): Promise<{ runtime: Runtime; parent: Parent }> {
  const runtime = Runtime.start({ closeDeadline: 0, maxDevices: 256, maxParents: 4 });
  onTestFinished(() => runtime.close());
  await runtime.loadDriver(DRIVER, { threads: 2, options, parents: [{ name: 'card', threads: 2 }, { name: 'other' }] });
  return { runtime, parent: runtime.bus.parent('card') };
}

/** How many of so many creates at once ended with each code, and what was made. */
async function creates(parent: Parent, count: number): Promise<{ codes: Record<string, number>; made: Mdev[] }> {
  const made: Mdev[] = [];
  const codes: Record<string, number> = {};
  const note = (code: string) => {
    codes[code] = (codes[code] ?? 0) + 1;
  };
  const all = Array.from({ length: count }, () =>
    parent.create('plain-one').then(
      (mdev) => {
        made.push(mdev);
        note('ok');
      },
      (error: { code: string }) => note(error.code),
    ),
  );
  await Promise.all(all);
  return { codes, made };
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: { code: string }) => error.code,
  );

describe('creates', () => {
  test('of many on two threads exactly as many fail as are told to; nothing is left of them', async () => {
    const { runtime, parent } = await start();
    await parent.storeAttribute('faults/fail_create', '13 ENOSPC\n');
    expect((await creates(parent, 40)).codes).toEqual({ ENOSPC: 13, ok: 27 });
    expect(await parent.showAttribute('faults/fail_create')).toBe('0\n');
    expect(await parent.availableInstances('plain-one')).toBe(64 - 27);
    expect(runtime.bus.mdevs()).toHaveLength(27);
    expect((await creates(runtime.bus.parent('other'), 3)).codes).toEqual({ ok: 3 });
  });

  test('those that are late succeed or fail all the same', async () => {
    const { parent } = await start();
    await parent.storeAttribute('faults/delay_create', '3 1');
    await parent.storeAttribute('faults/fail_create', '1 EBUSY');
    expect((await creates(parent, 4)).codes).toEqual({ EBUSY: 1, ok: 3 });
    expect(await parent.showAttribute('faults/delay_create')).toBe('0\n');
  });

  test('one that is held has its UUID, instance and place on the bus, cannot be removed, and ends when released', async () => {
    const { runtime, parent } = await start();
    await parent.storeAttribute('faults/hold_create', '1');
    const uuid = '83b8f4f2-509f-382f-3c1e-e6bfe0fa0001';
    const created = parent.create('plain-one', uuid);
    // Another create on the same thread comes behind it.
    expect(await code(parent.create('plain-one', uuid))).toBe('EEXIST');
    expect(await parent.showAttribute('faults/held')).toBe('1\n');
    const half = runtime.bus.mdev(uuid);
    expect(half?.presence).toMatchObject({ bus: true, driver: false });
    expect(await code(half?.remove() as Promise<void>)).toBe('EAGAIN');
    await parent.storeAttribute('faults/release', 'all');
    expect((await created).presence.driver).toBe(true);
    expect(await parent.showAttribute('faults/held')).toBe('0\n');
  });

  test('one that is held and then fails leaves nothing', async () => {
    const { runtime, parent } = await start({ faults: { hold_create: '1', fail_create: '1 EUSERS' } });
    const created = code(parent.create('plain-one', '83b8f4f2-509f-382f-3c1e-e6bfe0fa0002'));
    await code(parent.create('plain-one', '83b8f4f2-509f-382f-3c1e-e6bfe0fa0002'));
    await parent.storeAttribute('faults/release', '1');
    expect(await created).toBe('EUSERS');
    expect(runtime.bus.mdevs()).toEqual([]);
  });
});

describe('removals', () => {
  test('exactly as many fail as are told to; the devices stay and can be removed afterwards', async () => {
    const { runtime, parent } = await start();
    const { made } = await creates(parent, 20);
    await parent.storeAttribute('faults/fail_remove', '7 EBUSY');
    const codes = await Promise.all(made.map((mdev) => code(mdev.storeRemove())));
    expect(codes.filter((result) => result === 'EBUSY')).toHaveLength(7);
    const left = runtime.bus.mdevs();
    expect(left.map(({ presence }) => presence.remove && presence.driver)).toEqual(Array(7).fill(true));
    expect(await Promise.all(left.map((mdev) => code(mdev.storeRemove())))).toEqual(Array(7).fill('ok'));
  });

  test('unregistering the parent is not refused', async () => {
    const { runtime, parent } = await start({ faults: { fail_remove: '9 EBUSY', delay_remove: '1 1' } });
    await creates(parent, 3);
    await runtime.unregisterParent('card');
    expect(runtime.bus.mdevs()).toEqual([]);
  });

  test('one that is late is under way meanwhile', async () => {
    const { parent } = await start();
    const { made } = await creates(parent, 1);
    await parent.storeAttribute('faults/delay_remove', '1 20');
    const [mdev] = made as [Mdev];
    const codes = await Promise.all([code(mdev.remove()), code(mdev.remove())]);
    expect(codes).toEqual(['ok', 'EAGAIN']);
    expect(mdev.presence.directory).toBe(false);
  });
});

test('available_instances says what it is told to, and creates go by the truth', async () => {
  const { parent } = await start();
  await parent.storeAttribute('faults/available', '0');
  await parent.storeAttribute('faults/available', 'two 1000');
  const said = () => Promise.all(['plain-one', 'plain-two'].map((type) => parent.availableInstances(type)));
  expect(await said()).toEqual([0, 1000]);
  expect((await creates(parent, 2)).codes).toEqual({ ok: 2 });
  await parent.storeAttribute('faults/available', 'off');
  expect(await said()).toEqual([62, 62]);
});

test('unplug takes the parent away and its devices with it', async () => {
  const { runtime, parent } = await start();
  await creates(parent, 3);
  const gone = new Promise((resolve) =>
    runtime.bus.events.on('remove', (event) => event.devpath.endsWith('/card') && resolve(event)),
  );
  expect(await code(parent.storeAttribute('faults/unplug', '0'))).toBe('EINVAL');
  await parent.storeAttribute('faults/unplug', '1\n');
  await gone;
  expect(runtime.bus.mdevs()).toEqual([]);
  expect(await code(parent.create('plain-one'))).toBe('ENODEV');
});

describe('load options', () => {
  test('without faults the driver is as if it had not been wrapped', async () => {
    const { parent } = await start({ faults: false, mine: 1 });
    expect((await parent.parentAttributes()).map(({ path }) => path)).toEqual(['options']);
    expect(await parent.showAttribute('options')).toBe('{"mine":1}\n');
  });

  test('what is for the driver reaches it; the files stand behind its own', async () => {
    const { parent } = await start({ faults: { fail_create: '1 EBUSY' }, mine: 1 });
    expect(await parent.showAttribute('options')).toBe('{"mine":1}\n');
    expect((await parent.parentAttributes()).map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      'options 444',
      'faults/fail_create 644',
      'faults/delay_create 644',
      'faults/hold_create 644',
      'faults/held 444',
      'faults/release 200',
      'faults/fail_remove 644',
      'faults/delay_remove 644',
      'faults/available 644',
      'faults/unplug 200',
    ]);
    expect((await creates(parent, 2)).codes).toEqual({ EBUSY: 1, ok: 1 });
  });

  test('one that is none fails the load with a reason', async () => {
    await expect(start({ faults: { fail_create: '1 ENOTHING' } })).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringContaining('ENOTHING is no errno'),
    });
  });
});
