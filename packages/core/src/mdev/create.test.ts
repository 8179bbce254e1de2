/** Creating devices: spec/mdev-core section 7 and the invariants of section 18 about it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type MdevDriver, MediatedError, type Parent } from '@mediated/core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { LocalShard } from '../../dist-fixtures/mdev/shard.fixture.js';
import { codeOf, Scripted, uuid } from '../../dist-fixtures/mdev/scripted-runtime.fixture.js';
import { attributeDirectory, openAttribute } from '#dist/mdev/attribute-tree.js';

async function start(...options: Parameters<typeof Scripted.start>): Promise<Scripted> {
  const scripted = await Scripted.start(...options);
  onTestFinished(() => scripted.close());
  return scripted;
}

/** What a failed create must not have left behind. */
async function expectNothingOf(scripted: Scripted, parent: Parent, n: number, available: number): Promise<void> {
  const { bus } = scripted.runtime;
  expect(bus.mdev(uuid(n))).toBeUndefined();
  expect(bus.mdevs().map((mdev) => mdev.uuid)).not.toContain(uuid(n));
  expect(attributeDirectory(bus, `${parent.path}/${uuid(n)}`)).toBeUndefined();
  expect(await parent.availableInstances('t-plain')).toBe(available);
  const again = await parent.create('t-plain', uuid(n));
  await again.remove();
}

describe('with a parent of 16 instances', () => {
  let scripted: Scripted;
  let parent: Parent;
  let other: Parent;
  beforeAll(async () => {
    scripted = await Scripted.start();
    parent = await scripted.parent('one');
    other = await scripted.parent('two');
  });
  afterAll(() => scripted.close());

  test('mdev-core 1: a UUID exists once on all parents, in whatever case, live or reserved', async () => {
    const a = '00000000-0000-4000-8000-0000000000ab';
    const live = await parent.create('t-plain', a);
    expect(await codeOf(parent.create('t-plain', a))).toBe('EEXIST');
    expect(await codeOf(other.create('t-plain', a.toUpperCase()))).toBe('EEXIST');
    await live.remove();
    const { created } = await scripted.holding(parent, 1);
    expect(await codeOf(other.create('t-plain', uuid(1)))).toBe('EEXIST');
    scripted.board.release('probe', 1);
    await (await created).remove();
  });

  test('mdev-core 2: available_instances and live devices make max_instances together, failures included', async () => {
    const available = () => parent.availableInstances('t-plain');
    expect(await available()).toBe(16);
    const first = await parent.create('t-plain', uuid(2));
    expect(await available()).toBe(15);
    for (const type of ['full', 'broken', 'rejecting', 'nonsense']) {
      await codeOf(parent.create(`t-${type}`, uuid(3)));
      expect(await available()).toBe(15);
    }
    expect(await codeOf(parent.create('t-plain', uuid(2)))).toBe('EEXIST');
    expect(await available()).toBe(15);
    await first.remove();
    expect(await available()).toBe(16);
  });

  test.each([
    ['full', 'ENOSPC', 'no room for another'],
    ['broken', 'EIO', 'driver scripted failed in probe: a slip'],
    ['rejecting', 'EBUSY', 'not now'],
    ['deferring', 'EAGAIN', 'scripted defers the device'],
    ['nonsense', 'EIO', 'driver scripted returned number 7 from probe; it returns nothing, or throws'],
    ['late-nonsense', 'EIO', 'driver scripted returned string done from probe; it returns nothing, or throws'],
  ])('mdev-core 3: a probe that is %s makes the create %s and leaves nothing', async (type, code, message) => {
    await expect(parent.create(`t-${type}`, uuid(4))).rejects.toMatchObject({ code, message: `${code}: ${message}` });
    await expectNothingOf(scripted, parent, 4, 16);
  });

  test('what a driver throws reaches the caller as the cause', async () => {
    await expect(parent.create('t-broken', uuid(4))).rejects.toMatchObject({
      syscall: 'probe',
      cause: expect.objectContaining({ message: 'a slip' }),
    });
  });

  test('mdev-core 4: a created device has its directory, remove file, bus link, type links and driver', async () => {
    const mdev = await parent.create('t-plain', uuid(5));
    expect(mdev.presence).toEqual({ directory: true, remove: true, bus: true, driver: true, links: true });
    const { bus } = scripted.runtime;
    const directory = attributeDirectory(bus, `${parent.path}/${uuid(5)}`);
    const links = Object.fromEntries(directory?.links().map(({ name, target }) => [name, target]) ?? []);
    expect(links).toEqual({
      subsystem: '../../../../../bus/mdev',
      driver: '../../../../../bus/mdev/drivers/scripted',
      mdev_type: '../mdev_supported_types/t-plain',
    });
    const ofType = attributeDirectory(bus, `${parent.path}/mdev_supported_types/t-plain/devices`);
    expect(ofType?.links().map(({ name }) => name)).toEqual([uuid(5)]);
    expect(mdev.type).toBe('t-plain');
    await mdev.remove();
  });

  test.each([
    ['35 bytes', uuid(6).slice(1), 'EINVAL'],
    ['38 bytes', `${uuid(6)}\n\n`, 'EINVAL'],
    ['a letter that is no digit', uuid(6).replace('8', 'g'), 'EINVAL'],
    ['36 bytes', uuid(6), 'fulfilled'],
    ['37 bytes, the last a newline', `${uuid(6)}\n`, 'fulfilled'],
    ['37 bytes, the last anything (quirk Q5)', `${uuid(6)}x`, 'fulfilled'],
  ])('mdev-core 5: a write of %s to create', async (_, text, code) => {
    const create = await openAttribute(
      scripted.runtime.bus,
      `${parent.path}/mdev_supported_types/t-plain/create`,
      'write',
    );
    expect(await codeOf(create.write(Buffer.from(text)))).toBe(code);
    await scripted.runtime.bus.mdev(uuid(6))?.remove();
    expect(scripted.runtime.bus.mdevs()).toEqual([]);
  });

  test('a UUID is checked before a parent is asked; a type before that', async () => {
    expect(await codeOf(parent.create('t-plain', `${uuid(1)}0`))).toBe('EINVAL');
    expect(await codeOf(parent.create('t-other', 'no uuid'))).toBe('ENOENT');
  });

  test('mdev-core 11: creates of two devices of one parent are inside probe at once; so are removals', async () => {
    const [one, two] = [await scripted.holding(parent, 10), await scripted.holding(parent, 11)];
    expect(scripted.board.log.filter((entry) => /probed 1[01]/.test(entry))).toEqual([]);
    scripted.board.release('probe', 11);
    scripted.board.release('probe', 10);
    for (const mdev of [await one.created, await two.created]) await mdev.remove();
    const busy = [await parent.create('t-busy', uuid(12)), await parent.create('t-busy', uuid(13))];
    const removals = busy.map((mdev) => mdev.remove());
    await scripted.board.reached('remove 12', 'remove 13');
    scripted.board.release('remove', 12);
    scripted.board.release('remove', 13);
    await Promise.all(removals);
  });

  test('mdev-core 17: add, bind, unbind, remove; a failed probe: add, remove', async () => {
    scripted.events();
    await (await parent.create('t-plain', uuid(14))).remove();
    expect(scripted.events()).toEqual(['add 14', 'bind 14 with driver', 'unbind 14', 'remove 14']);
    await codeOf(parent.create('t-full', uuid(14)));
    expect(scripted.events()).toEqual(['add 14', 'remove 14']);
    await codeOf(parent.create('t-late-nonsense', uuid(14)));
    expect(scripted.events()).toEqual(['add 14', 'remove 14']);
  });

  test('at the event add the remove file exists, the type links do not; neither do they before bind (quirk Q7)', async () => {
    const { created } = await scripted.holding(parent, 15);
    const { presence } = scripted.runtime.bus.mdev(uuid(15)) ?? {};
    expect(presence).toEqual({ directory: true, remove: true, bus: true, driver: false, links: false });
    scripted.board.release('probe', 15);
    await (await created).remove();
  });
});

describe('order of the checks', () => {
  test('mdev-core 6: EEXIST before EUSERS before ENODEV', async () => {
    const scripted = await start({ query: '?max=2' });
    const parent = await scripted.parent('small');
    await parent.create('t-plain', uuid(1));
    const { created } = await scripted.holding(parent, 2);
    expect(await codeOf(parent.create('t-plain', uuid(1)))).toBe('EEXIST');
    expect(await codeOf(parent.create('t-plain', uuid(3)))).toBe('EUSERS');
    const unregistered = scripted.runtime.unregisterParent(parent);
    // The parent is dying and has no instance left.
    expect(await codeOf(parent.create('t-plain', uuid(1)))).toBe('EEXIST');
    expect(await codeOf(parent.create('t-plain', uuid(3)))).toBe('EUSERS');
    scripted.board.release('probe', 2);
    await created;
    await unregistered;
    expect(await codeOf(parent.create('t-plain', uuid(3)))).toBe('ENODEV');
  });

  test('a dying parent with instances left answers ENODEV', async () => {
    const scripted = await start();
    const parent = await scripted.parent('roomy');
    await scripted.holding(parent, 1);
    const unregistered = scripted.runtime.unregisterParent(parent);
    expect(await codeOf(parent.create('t-plain', uuid(2)))).toBe('ENODEV');
    scripted.board.release('probe', 1);
    await unregistered;
  });

  test('max_instances 0 makes every create EUSERS', async () => {
    const scripted = await start({ query: '?max=0' });
    const parent = await scripted.parent('none');
    expect(await codeOf(parent.create('t-plain', uuid(1)))).toBe('EUSERS');
  });

  test('without a slot: EEXIST, then EUSERS, then ENOMEM', async () => {
    const scripted = await start({ query: '?max=2', maxDevices: 1 });
    const [full, roomy] = [await scripted.parent('full'), await scripted.parent('roomy')];
    await full.create('t-plain', uuid(1));
    expect(await codeOf(roomy.create('t-plain', uuid(1)))).toBe('EEXIST');
    expect(await codeOf(roomy.create('t-plain', uuid(2)))).toBe('ENOMEM');
    expect(await roomy.availableInstances('t-plain')).toBe(2);
    const none = await start({ query: '?max=0', maxDevices: 1 });
    const closed = await none.parent('closed');
    expect(await codeOf(closed.create('t-plain', uuid(2)))).toBe('EUSERS');
  });

  test('Q6: a create that its parent will refuse holds the UUID for a moment', async () => {
    // Two shards of one dying parent never are in the same step; the reservation is seen in the shard's own order.
    const { reservationBeforeGate } = await import('../../dist-fixtures/mdev/shard.fixture.js');
    expect(reservationBeforeGate()).toEqual({ other: -17, refused: -19, afterwards: 'free' });
  });

  test('getAvailable turns the core’s own counting off', async () => {
    const scripted = await start({ query: '?max=1&available=5' });
    const parent = await scripted.parent('counts');
    await parent.create('t-plain', uuid(1));
    await parent.create('t-plain', uuid(2));
    expect(await parent.availableInstances('t-plain')).toBe(5);
  });

  test.each(['NaN', '-1', '1.5'])('a getAvailable of %s is EIO', async (available) => {
    const scripted = await start({ query: `?available=${available}` });
    const parent = await scripted.parent('counts');
    await expect(parent.availableInstances('t-plain')).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('probeDeadline', () => {
  test('a probe past it: ETIMEDOUT, everything is given back, a late success is undone', async () => {
    const scripted = await start({ probeDeadline: 1 });
    const parent = await scripted.parent('slow');
    const created = parent.create('t-held', uuid(1));
    await expect(created).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await expectNothingOf(scripted, parent, 1, 16);
    expect(scripted.board.log.filter((entry) => entry === 'remove 1')).toHaveLength(1);
    scripted.board.release('probe', 1);
    // The second removal is that of the late probe; its device is not on the bus any more.
    await scripted.board.reached('removed 1', 'removed 1');
    expect(scripted.events()).toEqual(['add 1', 'remove 1', 'add 1', 'bind 1 with driver', 'unbind 1', 'remove 1']);
    expect(await parent.availableInstances('t-plain')).toBe(16);
  });

  test('a probe that fails after it is not removed', async () => {
    const scripted = await start({ probeDeadline: 1, maxDevices: 1 });
    const parent = await scripted.parent('slow');
    await codeOf(parent.create('t-held', uuid(1)));
    // The slot is the late probe's until it ends.
    expect(await codeOf(parent.create('t-plain', uuid(2)))).toBe('ENOMEM');
    scripted.board.release('probe', 1, 'fail');
    while ((await codeOf(parent.create('t-plain', uuid(2)))) !== 'fulfilled')
      await parent.availableInstances('t-plain');
    expect(scripted.board.log).toEqual(['probe 1', 'probe 2', 'probed 2']);
  });
});

test('mdev-core 7: one remove per successful probe, one probe per life', async () => {
  const scripted = await start();
  const parent = await scripted.parent('lives');
  for (let life = 0; life < 3; life++) {
    const mdev = await parent.create('t-plain', uuid(1));
    expect(await codeOf(parent.create('t-plain', uuid(1)))).toBe('EEXIST');
    await Promise.allSettled([mdev.remove(), mdev.remove()]);
  }
  await codeOf(parent.create('t-full', uuid(1)));
  const life = ['probe 1', 'probed 1', 'remove 1', 'removed 1'];
  expect(scripted.board.log).toEqual([...life, ...life, ...life, 'probe 1']);
});

test('mdev-core 23: all types of a parent show the same available_instances', async () => {
  const scripted = await start();
  const parent = await scripted.parent('types');
  await parent.create('t-plain', uuid(1));
  const shown = await Promise.all(parent.types.map((type) => parent.availableInstances(type.id)));
  expect(new Set(shown)).toEqual(new Set([15]));
});

describe('the channels of a device', () => {
  // Published on the driver's thread; the shard fixture is one on this thread.
  const STEPS = ['create', 'probe', 'remove', 'unbind'].flatMap((step) => [`${step}:start`, `${step}:end`]);

  /** What is published while a shard with this driver runs the schedule: `step code`. */
  async function published(driver: MdevDriver, schedule: (local: LocalShard) => void): Promise<string[]> {
    const { withShard } = await import('../../dist-fixtures/mdev/shard.fixture.js');
    const seen: string[] = [];
    const listener = (message: unknown, name: string | symbol) => {
      const { error, ...device } = message as { error?: { code: string } };
      expect(device).toEqual({ uuid: uuid(1), parent: 'local', type: 'only' });
      seen.push(`${String(name).replace('mediated:mdev:', '')} ${error?.code ?? ''}`.trim());
    };
    for (const step of STEPS) subscribe(`mediated:mdev:${step}`, listener);
    withShard({ driver }, schedule);
    for (const step of STEPS) unsubscribe(`mediated:mdev:${step}`, listener);
    return seen;
  }

  test('tell every step of a life', async () => {
    expect(await published({}, ({ create, remove }) => remove(create(1)))).toEqual([
      ...['create:start', 'probe:start', 'probe:end', 'create:end'],
      ...['remove:start', 'unbind:start', 'unbind:end', 'remove:end'],
    ]);
  });

  test('tell why a create has failed', async () => {
    const probe = () => {
      throw new MediatedError('ENOSPC', 'no room for another');
    };
    const steps = published({ probe }, ({ create }) => expect(() => create(1)).toThrow('no room'));
    expect(await steps).toEqual(['create:start', 'probe:start', 'probe:end ENOSPC', 'create:end ENOSPC']);
  });
});
