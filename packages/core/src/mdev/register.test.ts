/** Loading drivers and registering parents, and everything that can be wrong with them: spec/mdev-core sections 3 to 5. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Runtime } from '@mediated/core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  codeOf,
  NEWCOMER,
  Scripted,
  type ScriptedOptions,
  uuid,
} from '../../dist-fixtures/mdev/scripted-runtime.fixture.js';

async function start(options: ScriptedOptions = {}): Promise<Scripted> {
  const scripted = await Scripted.start(options);
  onTestFinished(() => scripted.close());
  return scripted;
}

/** A driver module made of text. */
function moduleOf(text: string): string {
  return `data:text/javascript,${encodeURIComponent(text)}`;
}

/** A driver module with these fields, in JavaScript, in place of the usual ones. */
function driverOf(fields: Record<string, string>): string {
  const all = { name: "'small'", deviceApi: "'vfio-pci'", types: '[]', start: '() => ({})', ...fields };
  return moduleOf(`export default { ${Object.entries(all).map(([key, value]) => `${key}: ${value}`)} }`);
}

describe('a driver that cannot be loaded', () => {
  let runtime: Runtime;
  beforeAll(() => {
    runtime = Runtime.start({ closeDeadline: 0 });
  });
  afterAll(() => runtime.close());

  test.each([
    ['that does not exist', 'file:///no/such/driver.js', 'does not load: '],
    ['that throws', moduleOf('throw new Error("no luck")'), 'does not load: no luck'],
    ['without a default export', moduleOf('export const driver = {}'), 'has no default export; use defineMdevDriver'],
    ['without a name', driverOf({ name: 'undefined' }), 'needs a name of 1 to 20 letters, digits, - or _'],
    ['with a slash in its name', driverOf({ name: "'a/b'" }), 'needs a name'],
    ['without deviceApi (mdev-core section 3)', driverOf({ deviceApi: "''" }), 'has no deviceApi'],
    ['without start', driverOf({ start: '7' }), 'has no start function'],
    ['without types', driverOf({ types: '{}' }), 'has no list of types'],
    ['with too many types', driverOf({ types: "Array(97).fill({ sysfsName: 'a' })" }), 'declares 97 types; 96 fit'],
    ['with a type without a name', driverOf({ types: '[{}]' }), 'type name undefined is not 1 to 40 letters'],
    ['with a null type', driverOf({ types: '[null]' }), 'type name undefined'],
    [
      'with a pretty name that is too long',
      driverOf({ types: "[{ sysfsName: 'a', prettyName: 'é'.repeat(32) }]" }),
      'longer than 63',
    ],
    ['with a fraction of an instance', driverOf({ maxInstances: '0.5' }), 'maxInstances 0.5 is no count'],
    ['with more instances than there are numbers', driverOf({ maxInstances: '2 ** 31' }), 'is no count'],
    ['with a budget that is none', driverOf({ shared: '{ ports: { budget: -1 } }' }), 'budget ports is -1'],
    ['with a budget without a spec', driverOf({ shared: '{ ports: null }' }), 'budget ports is undefined'],
    ['whose start returns nothing', driverOf({ start: '() => {}' }), 'returned no driver'],
    ['whose probe is no function', driverOf({ start: '() => ({ probe: 1 })' }), 'a probe that is no function'],
    ['whose attributes are no list', driverOf({ start: '() => ({ attributes: 1 })' }), 'attributes that are no list'],
    [
      'with an attribute without a path',
      driverOf({ start: '() => ({ attributes: [{}] })' }),
      'attributes that are no list',
    ],
  ])('a module %s is EINVAL with the reason', async (_, url, reason) => {
    await expect(runtime.loadDriver(url)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringContaining(reason),
    });
    expect(runtime.drivers).toEqual([]);
  });

  test.each([
    ['throws', driverOf({ start: "() => { throw new Error('no hardware') }" })],
    ['rejects', driverOf({ start: "async () => { throw new Error('no hardware') }" })],
  ])('a start that %s fails the load with the cause; threads and name are free again', async (_, url) => {
    const threads = () => runtime.system.statistics().map(({ name }) => name);
    const before = threads();
    await expect(runtime.loadDriver(url, { threads: 2 })).rejects.toMatchObject({
      code: 'EIO',
      message: expect.stringContaining('failed in start: no hardware'),
      cause: expect.objectContaining({ message: 'no hardware' }),
    });
    expect(threads()).toEqual(before);
    expect(runtime.drivers).toEqual([]);
    await runtime.loadDriver(driverOf({}));
    await runtime.unloadDriver('small');
    expect(threads()).toEqual(before);
  });

  test('a start that throws a MediatedError fails the load with its errno', async () => {
    const start = "() => { throw Object.assign(new Error('ENXIO: none'), { name: 'MediatedError', code: 'ENXIO' }) }";
    expect(await codeOf(runtime.loadDriver(driverOf({ start })))).toBe('ENXIO');
  });

  test('a start that throws on the second thread only leaves nothing of the first', async () => {
    const start = "({ shard }) => { if (shard === 1) throw new Error('one is enough'); return {}; }";
    expect(await codeOf(runtime.loadDriver(driverOf({ start }), { threads: 2 }))).toBe('EIO');
    expect(runtime.system.statistics()).toHaveLength(1);
  });

  test.each([0, 17, 1.5])('%s threads are EINVAL', async (threads) => {
    expect(await codeOf(runtime.loadDriver(driverOf({}), { threads }))).toBe('EINVAL');
  });

  test('a parent that cannot be registered unloads the driver again', async () => {
    expect(await codeOf(runtime.loadDriver(driverOf({}), { parents: [{ name: 'one' }, { name: 'no/name' }] }))).toBe(
      'EINVAL',
    );
    expect(runtime.drivers).toEqual([]);
    expect(runtime.bus.parents()).toEqual([]);
    expect(runtime.system.statistics()).toHaveLength(1);
  });
});

describe('loading and unloading', () => {
  test('a second driver of one name is EBUSY, also while the first is being loaded', async () => {
    const runtime = Runtime.start({ closeDeadline: 0 });
    onTestFinished(() => runtime.close());
    const loads = [runtime.loadDriver(driverOf({})), codeOf(runtime.loadDriver(driverOf({})))];
    expect((await Promise.all(loads))[1]).toBe('EBUSY');
    expect(await codeOf(runtime.loadDriver(driverOf({})))).toBe('EBUSY');
  });

  test('the channels of loading and unloading say which driver, after all its steps', async () => {
    const { runtime } = await start();
    const seen: unknown[] = [];
    const listener = (message: unknown, name: string | symbol) => {
      seen.push([name, message, runtime.drivers.includes('small')]);
    };
    for (const step of ['loaded', 'unloaded']) subscribe(`mediated:driver:${step}`, listener);
    await codeOf(runtime.loadDriver(driverOf({ start: '7' })));
    await runtime.loadDriver(driverOf({}), { threads: 2 });
    await runtime.unloadDriver('small');
    for (const step of ['loaded', 'unloaded']) unsubscribe(`mediated:driver:${step}`, listener);
    const message = { driver: 'small', threads: 2 };
    expect(seen).toEqual([
      ['mediated:driver:loaded', message, true],
      ['mediated:driver:unloaded', message, false],
    ]);
  });

  test('the events of loading and unloading, in the kernel’s order', async () => {
    const scripted = await start();
    const { runtime } = scripted;
    await runtime.loadDriver(driverOf({}), { parents: [{ name: 'one' }, { name: 'two', path: '/devices/pci/two' }] });
    const [one, two] = ['/devices/virtual/small/one', '/devices/pci/two'];
    expect(scripted.events()).toEqual([
      'add /bus/mdev/drivers/small',
      'add /class/small',
      `add ${one}`,
      `change ${one} registered`,
      `add ${two}`,
      `change ${two} registered`,
      'add /module/small',
    ]);
    await runtime.unloadDriver('small');
    expect(scripted.events()).toEqual([
      `change ${one} unregistered`,
      `remove ${one}`,
      `change ${two} unregistered`,
      `remove ${two}`,
      'remove /bus/mdev/drivers/small',
      'remove /class/small',
      'remove /module/small',
    ]);
    expect(await codeOf(runtime.unloadDriver('small'))).toBe('ENODEV');
  });

  test('a pinned driver is EAGAIN; one that is being unloaded gives out no pins', async () => {
    const runtime = Runtime.start({ closeDeadline: 0 });
    onTestFinished(() => runtime.close());
    // The description says how the pins are, and takes or returns one.
    const start = `({ pins }) => ({
      getAvailable: (type) => type.index === 0 ? (pins.tryAcquire() ? 1 : 0) : (pins.release(), 2),
    })`;
    await runtime.loadDriver(driverOf({ types: "[{ sysfsName: 'take' }, { sysfsName: 'give' }]", start }), {
      parents: [{ name: 'one' }],
    });
    const parent = runtime.bus.parent('one');
    expect(await parent.availableInstances('small-take')).toBe(1);
    expect(await codeOf(runtime.unloadDriver('small'))).toBe('EAGAIN');
    expect(parent.registered).toBe(true);
    await parent.availableInstances('small-give');
    await runtime.unloadDriver('small');
    expect(runtime.drivers).toEqual([]);
  });

  test('a registration under way when its driver is unloaded is undone', async () => {
    const { runtime } = await start();
    const registered = codeOf(runtime.registerParent({ name: 'late', driver: 'scripted' }));
    await runtime.unloadDriver('scripted');
    expect(await registered).toBe('ENODEV');
    expect(runtime.bus.parents()).toEqual([]);
    expect(runtime.system.statistics()).toHaveLength(1);
  });

  test('a driver can be loaded again, with its parents', async () => {
    const scripted = await start();
    await scripted.parent('home');
    const module = new URL('./scripted-driver.fixture.js', NEWCOMER);
    await scripted.runtime.unloadDriver('scripted');
    await scripted.runtime.loadDriver(module, { options: scripted.board.buffer });
    const parent = await scripted.parent('home');
    await (await parent.create('t-plain', uuid(1))).remove();
  });
});

describe('registering', () => {
  test('Q4: a path that is a parent already is ENOMEM, also while it is being registered', async () => {
    const { runtime } = await start();
    const spec = { name: 'home', driver: 'scripted' };
    const both = await Promise.all([codeOf(runtime.registerParent(spec)), codeOf(runtime.registerParent(spec))]);
    expect(both).toEqual(['fulfilled', 'ENOMEM']);
    expect(await codeOf(runtime.registerParent(spec))).toBe('ENOMEM');
    expect(await codeOf(runtime.registerParent({ ...spec, path: '/devices/elsewhere/home' }))).toBe('fulfilled');
  });

  test('two types of one name are EEXIST, and leave nothing', async () => {
    const scripted = await start();
    const { runtime } = scripted;
    await runtime.loadDriver(driverOf({ types: "[{ sysfsName: 'a' }, { sysfsName: 'b' }, { sysfsName: 'a' }]" }));
    scripted.events();
    expect(await codeOf(runtime.registerParent({ name: 'twice', driver: 'small' }))).toBe('EEXIST');
    expect(scripted.events()).toEqual([]);
    expect(runtime.bus.parents()).toEqual([]);
  });

  test('an unknown driver is ENODEV; a parent without types is legal', async () => {
    const { runtime } = await start();
    expect(await codeOf(runtime.registerParent({ name: 'home', driver: 'mtty' }))).toBe('ENODEV');
    await runtime.loadDriver(driverOf({}));
    const parent = await runtime.registerParent({ name: 'home', driver: 'small' });
    expect(parent.types).toEqual([]);
    expect(await codeOf(parent.create('small-a'))).toBe('ENOENT');
  });

  test.each(['', 'a/b', 'a b', 'x'.repeat(41), '..'])('the name %j is EINVAL', async (name) => {
    const runtime = Runtime.start({ closeDeadline: 0 });
    onTestFinished(() => runtime.close());
    await runtime.loadDriver(driverOf({}));
    expect(await codeOf(runtime.registerParent({ name, driver: 'small' }))).toBe('EINVAL');
  });

  test.each([
    ['more threads than the driver has', { threads: 2 }, 'EINVAL'],
    ['no thread', { threads: 0 }, 'EINVAL'],
    ['a path that no name table takes', { path: `/devices/${'x'.repeat(60)}` }, 'EINVAL'],
  ])('%s: the error, no event, no trace; the name can be registered', async (_, wrong, code) => {
    const scripted = await start({ maxParents: 1 });
    const { runtime } = scripted;
    const spec = { name: 'home', driver: 'scripted' };
    expect(await codeOf(runtime.registerParent({ ...spec, ...wrong }))).toBe(code);
    expect(scripted.events()).toEqual([]);
    expect(runtime.bus.parents()).toEqual([]);
    expect(await codeOf(runtime.registerParent(spec))).toBe('fulfilled');
  });

  test('without a slot it is ENOMEM; unregistering gives slot and locks back', async () => {
    const { runtime } = await start({ maxParents: 1 });
    const home = await runtime.registerParent({ name: 'home', driver: 'scripted' });
    expect(await codeOf(runtime.registerParent({ name: 'next', driver: 'scripted' }))).toBe('ENOMEM');
    await runtime.unregisterParent(home);
    for (let round = 0; round < 10; round++) {
      await runtime.unregisterParent(await runtime.registerParent({ name: 'next', driver: 'scripted' }));
    }
  });

  test('a driver’s parents are spread over its threads', async () => {
    const scripted = await start({ threads: 2 });
    const homes = [await scripted.parent('a'), await scripted.parent('b'), await scripted.parent('c')];
    const threads = homes.map((parent) => parent.shards[0].handle.thread);
    expect(threads[0]).not.toBe(threads[1]);
    expect(threads[2]).toBe(threads[0]);
  });
});

describe('what a driver says about its types', () => {
  const types = "['good', 'throws', 'number', 'sick'].map((sysfsName) => ({ sysfsName }))";
  const answers = `() => ({
    getAvailable(type) {
      if (type.sysfsName === 'throws') throw new Error('no count');
      return type.sysfsName === 'good' ? 3 : type.sysfsName === 'number' ? '3' : undefined;
    },
    showDescription(type) {
      if (type.sysfsName === 'throws') throw new Error('no words');
      return type.sysfsName === 'good' ? 'virtual\\n' : 7;
    },
  })`;

  test('getAvailable and showDescription: text and number, or EIO with what was wrong', async () => {
    const runtime = Runtime.start({ closeDeadline: 0 });
    onTestFinished(() => runtime.close());
    await runtime.loadDriver(driverOf({ types, start: answers }), { parents: [{ name: 'one', typePrefix: 's' }] });
    const parent = runtime.bus.parent('one');
    expect(parent.describes).toBe(true);
    expect(await parent.availableInstances('s-good')).toBe(3);
    expect(await parent.description('s-good')).toBe('virtual\n');
    const failure = (message: string) => ({ code: 'EIO', message: expect.stringContaining(message) });
    await expect(parent.availableInstances('s-throws')).rejects.toMatchObject(
      failure('failed in getAvailable: no count'),
    );
    await expect(parent.availableInstances('s-number')).rejects.toMatchObject(failure('string 3'));
    await expect(parent.availableInstances('s-sick')).rejects.toMatchObject(failure('undefined'));
    await expect(parent.description('s-throws')).rejects.toMatchObject(failure('failed in showDescription: no words'));
    await expect(parent.description('s-number')).rejects.toMatchObject(failure('number 7 from showDescription'));
    expect(await codeOf(parent.description('s-none'))).toBe('ENOENT');
  });

  test('without showDescription there is no description', async () => {
    const scripted = await Scripted.start();
    onTestFinished(() => scripted.close());
    const parent = await scripted.parent('home');
    expect(parent.describes).toBe(false);
    expect(await parent.description('t-plain')).toBe('');
  });
});
