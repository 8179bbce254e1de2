/** Drivers that are what their load options say; what parents have of their own: attributes, budgets, memory, unplug. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { attributeDirectory, type DriverConfiguration, openAttribute, Runtime } from '@mediated/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { codeOf, uuid } from '../../dist-fixtures/mdev/scripted-runtime.fixture.js';

const DRIVER = new URL('../../dist-fixtures/mdev/configured.fixture.js', import.meta.url);
const BOARD: DriverConfiguration = {
  name: 'boards',
  types: [{ sysfsName: 'small', prettyName: 'Small' }, { sysfsName: 'stubborn' }, { sysfsName: 'liar' }],
  perParent: { budgets: { seats: { budget: 3 } }, memory: { words: Int32Array.of(0, 2) } },
  parents: [
    { name: 'a', threads: 2 },
    { name: 'b', threads: 2, typePrefix: 'pre' },
  ],
};

async function start(configuration: DriverConfiguration = BOARD, threads = 2): Promise<Runtime> {
  const runtime = Runtime.start({ closeDeadline: 0, maxDevices: 64, maxParents: 4 });
  onTestFinished(() => runtime.close());
  await runtime.loadDriver(DRIVER, { threads, options: { configuration } });
  return runtime;
}

async function read(runtime: Runtime, path: string): Promise<string> {
  return (await (await openAttribute(runtime.bus, path, 'read')).read()).toString();
}

async function write(runtime: Runtime, path: string, text: string): Promise<number> {
  return (await openAttribute(runtime.bus, path, 'write')).write(Buffer.from(text));
}

/** Resolves when a parent of that name has been unregistered. */
function unregistered(name: string): Promise<void> {
  return new Promise((resolve) => {
    const listener = (message: unknown) => {
      if ((message as { parent: string }).parent !== name) return;
      unsubscribe('mediated:parent:unregistered', listener);
      resolve();
    };
    subscribe('mediated:parent:unregistered', listener);
  });
}

describe('configure', () => {
  test('sets budgets that all threads share; those that are none are EINVAL', async () => {
    const runtime = await start({ ...BOARD, shared: { chairs: { budget: 2 } } });
    const chairs = runtime.lockStatistics().find(({ name }) => name === 'chairs: boards');
    expect(chairs).toBeDefined();
    const refused = start({ ...BOARD, shared: { chairs: { budget: -1 } } });
    await expect(refused).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('gives the driver its name, types, parents and the options of its threads', async () => {
    const runtime = await start();
    expect(runtime.drivers).toEqual(['boards']);
    expect(runtime.bus.parents().map(({ name, driver }) => `${name} of ${driver}`)).toEqual([
      'a of boards',
      'b of boards',
    ]);
    expect(runtime.bus.parent('b').types.map(({ id, name }) => `${id}: ${name}`)).toEqual([
      'pre-small: Small',
      'pre-stubborn: stubborn',
      'pre-liar: liar',
    ]);
    expect(JSON.parse(await runtime.bus.parent('b').showAttribute('about'))).toMatchObject({
      name: 'b',
      options: { threads: 2 },
    });
  });

  test('two configurations of one module are two drivers', async () => {
    const runtime = await start();
    await runtime.loadDriver(DRIVER, { options: { configuration: { ...BOARD, name: 'others', parents: [] } } });
    expect(runtime.drivers).toEqual(['boards', 'others']);
    await runtime.unloadDriver('boards');
    expect(runtime.drivers).toEqual(['others']);
  });

  test('parents that loadDriver is told replace those of the driver', async () => {
    const runtime = Runtime.start({ closeDeadline: 0 });
    onTestFinished(() => runtime.close());
    await runtime.loadDriver(DRIVER, { options: { configuration: BOARD }, parents: [{ name: 'mine' }] });
    expect(runtime.bus.parents().map(({ name }) => name)).toEqual(['mine']);
  });

  test.each([
    [{ types: 7 }, 'EINVAL', 'has no list of types'],
    [{ perParent: { budgets: { seats: { budget: -1 } } } }, 'EINVAL', 'budget seats is -1'],
    [{ perParent: { memory: { words: 3 } } }, 'EINVAL', 'memory words has 3 bytes; 4 to'],
    [{ parents: 1 }, 'EINVAL', 'has parents that are no list'],
    [{ name: 'a name' }, 'EINVAL', 'needs a name of 1 to 20'],
    [{ parents: [{ name: '/' }] }, 'EINVAL', 'is no name for a parent'],
  ])('%j fails the load', async (configuration, code, message) => {
    const runtime = Runtime.start({ closeDeadline: 0 });
    onTestFinished(() => runtime.close());
    const loaded = runtime.loadDriver(DRIVER, { options: { configuration } });
    await expect(loaded).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(runtime.drivers).toEqual([]);
  });

  test('what it throws fails the load', async () => {
    const runtime = Runtime.start({ closeDeadline: 0 });
    onTestFinished(() => runtime.close());
    const loaded = runtime.loadDriver(DRIVER, { options: { fail: 'no such card' } });
    await expect(loaded).rejects.toMatchObject({ code: 'ENOMEM', message: expect.stringContaining('no such card') });
  });
});

describe('what a parent has of its own', () => {
  test('its attributes are files of its directory, shown and stored by its driver', async () => {
    const runtime = await start();
    const files = await attributeDirectory(runtime.bus, '/class/mdev_bus/a')?.attributes();
    expect(files?.map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      'uevent 644',
      'seats/free 444',
      'seats/probed 644',
      'unplug 200',
      'about 444',
    ]);
    expect(await read(runtime, '/class/mdev_bus/a/seats/free')).toBe('3\n');
    expect(await write(runtime, '/devices/virtual/boards/a/seats/probed', '41\n')).toBe(3);
    expect(await read(runtime, '/class/mdev_bus/a/seats/probed')).toBe('41\n');
    expect(await codeOf(write(runtime, '/class/mdev_bus/a/seats/probed', 'x'))).toBe('EOVERFLOW');
    expect(await codeOf(read(runtime, '/class/mdev_bus/a/unplug'))).toBe('EACCES');
    expect(await codeOf(read(runtime, '/class/mdev_bus/a/seats/none'))).toBe('ENOENT');
    expect(await codeOf(runtime.bus.parent('a').showAttribute('none'))).toBe('ENOENT');
    expect(await codeOf(runtime.bus.parent('a').showAttribute('unplug'))).toBe('EACCES');
    expect(await codeOf(runtime.bus.parent('a').storeAttribute('about', ''))).toBe('EACCES');
  });

  test('an attribute that was opened before its parent was unregistered is dead for ever', async () => {
    const runtime = await start();
    const free = await openAttribute(runtime.bus, '/class/mdev_bus/a/seats/free', 'read');
    await runtime.unregisterParent('a');
    await runtime.registerParent({ name: 'a', driver: 'boards' });
    expect(await codeOf(free.read())).toBe('ENODEV');
    expect(await read(runtime, '/class/mdev_bus/a/seats/free')).toBe('3\n');
  });

  test('budgets and memory are shared by its threads and not with other parents', async () => {
    const runtime = await start();
    const a = runtime.bus.parent('a');
    await Promise.all([1, 2, 3].map((n) => a.create('boards-small', uuid(n))));
    expect(await codeOf(a.create('boards-small', uuid(4)))).toBe('ENOSPC');
    expect(await a.showAttribute('seats/probed')).toBe('3\n');
    expect(await a.availableInstances('boards-small')).toBe(0);
    const b = runtime.bus.parent('b');
    expect(await b.showAttribute('seats/probed')).toBe('0\n');
    await b.create('pre-small', uuid(4));
    await runtime.unregisterParent('a');
    const words = runtime.lockStatistics().map(({ name }) => name);
    expect(words.filter((name) => name.startsWith('seats: '))).toEqual(['seats: a', 'seats: b']);
  });

  test('a driver says another number of instances than there are', async () => {
    const runtime = await start();
    expect(await runtime.bus.parent('a').availableInstances('boards-liar')).toBe(103);
    expect(await runtime.bus.parent('a').availableInstances('boards-small')).toBe(3);
  });
});

describe('unplug', () => {
  test('has the parent unregistered and its devices removed; the other parents stay', async () => {
    const runtime = await start();
    await runtime.bus.parent('a').create('boards-small', uuid(1));
    const gone = unregistered('a');
    expect(await write(runtime, '/class/mdev_bus/a/unplug', '1')).toBe(1);
    await gone;
    expect(runtime.bus.parents().map(({ name }) => name)).toEqual(['b']);
    expect(runtime.bus.mdevs()).toEqual([]);
    await runtime.registerParent({ name: 'a', driver: 'boards' });
    expect(runtime.bus.parents()).toHaveLength(2);
  });

  test('asked for twice it happens once', async () => {
    const runtime = await start();
    const gone = unregistered('b');
    const twice = ['1', '1'].map((text) => write(runtime, '/class/mdev_bus/b/unplug', text).catch(() => {}));
    await Promise.all([...twice, gone]);
    expect(runtime.bus.parents().map(({ name }) => name)).toEqual(['a']);
  });
});

describe('a removal that the driver refuses', () => {
  test('leaves the device as it was, with its remove file', async () => {
    const runtime = await start();
    const device = await runtime.bus.parent('a').create('boards-stubborn', uuid(1));
    const path = `/bus/mdev/devices/${uuid(1)}/remove`;
    expect(await codeOf(write(runtime, path, '1'))).toBe('EBUSY');
    expect(device.presence).toMatchObject({ remove: true, driver: true });
    expect(await codeOf(device.remove())).toBe('EBUSY');
    expect(device.presence).toMatchObject({ remove: true, driver: true });
    expect(await write(runtime, path, '1')).toBe(1);
    expect(device.presence.directory).toBe(false);
  });

  test('is not asked for when the parent is unregistered', async () => {
    const runtime = await start();
    await runtime.bus.parent('a').create('boards-stubborn', uuid(1));
    await runtime.unregisterParent('a');
    expect(runtime.bus.mdevs()).toEqual([]);
  });

  test('of two removals that are admitted one removes', async () => {
    const runtime = await start({ ...BOARD, perParent: { ...BOARD.perParent, memory: { words: 8 } } });
    const device = await runtime.bus.parent('a').create('boards-stubborn', uuid(1));
    const codes = await Promise.all([codeOf(device.remove()), codeOf(device.remove())]);
    expect(codes).toContain('fulfilled');
    expect(['EAGAIN', 'ENODEV']).toContain(codes.find((code) => code !== 'fulfilled'));
  });
});
