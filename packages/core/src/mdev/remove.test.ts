/** Removing devices, by the file and by callers inside; unbinding: spec/mdev-core sections 3, 8 and 18. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Mdev, Parent } from '@mediated/core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { codeOf, NEWCOMER, Scripted, uuid } from '../../dist-fixtures/mdev/scripted-runtime.fixture.js';
import { withShard } from '../../dist-fixtures/mdev/shard.fixture.js';
import { openAttribute } from '#dist/mdev/attribute-tree.js';

let scripted: Scripted;
let parent: Parent;
let other: Parent;
beforeAll(async () => {
  scripted = await Scripted.start({ query: '?max=64' });
  parent = await scripted.parent('one');
  other = await scripted.parent('two');
});
afterAll(() => scripted.close());

const removeFile = (of: Scripted, n: number) =>
  openAttribute(of.runtime.bus, `/bus/mdev/devices/${uuid(n)}/remove`, 'write');
/** A write of 1 that has got into the file while it was there. */
const acceptedWrite = (mdev: Mdev) => mdev.actor.ask('storeRemove', mdev.index, mdev.generation);
const ONE = Buffer.from('1\n');

test('mdev-core 12: one of the writers of the remove file removes, every write that was accepted succeeds', async () => {
  const mdev = await parent.create('t-busy', uuid(1));
  const late = await removeFile(scripted, 1);
  const writes = [1, 2, 3, 4].map(() => acceptedWrite(mdev));
  await scripted.board.reached('remove 1');
  expect(await codeOf(removeFile(scripted, 1))).toBe('ENOENT');
  expect(await codeOf(late.write(ONE))).toBe('ENODEV');
  scripted.board.release('remove', 1);
  expect(await Promise.all(writes)).toEqual([0, 0, 0, 0]);
  expect(scripted.board.log.filter((entry) => entry === 'remove 1')).toHaveLength(1);
  expect(await codeOf(removeFile(scripted, 1))).toBe('ENOENT');
});

test('the losers of the remove file return when the winner has', async () => {
  const mdev = await parent.create('t-busy', uuid(2));
  const order: string[] = [];
  const winner = acceptedWrite(mdev).then(() => order.push('winner'));
  const loser = acceptedWrite(mdev).then(() => order.push('loser'));
  await scripted.board.reached('remove 2');
  await parent.availableInstances('t-plain');
  expect(order).toEqual([]);
  scripted.board.release('remove', 2);
  await Promise.all([winner, loser]);
  expect(order).toEqual(['winner', 'loser']);
});

test('callers inside: EAGAIN while another removes, ENODEV afterwards', async () => {
  const mdev = await parent.create('t-busy', uuid(3));
  const removed = mdev.remove();
  expect(await codeOf(mdev.remove())).toBe('EAGAIN');
  scripted.board.release('remove', 3);
  await removed;
  expect(await codeOf(mdev.remove())).toBe('ENODEV');
});

describe.each(['kernel', 'mended'] as const)('with quirks %s', (quirks) => {
  test('mdev-core 13, Q2: a write to remove while the create runs is EAGAIN; the device becomes usable', async () => {
    const own = await Scripted.start({ quirks });
    onTestFinished(() => own.close());
    const home = await own.parent('home');
    const { created } = await own.holding(home, 1);
    expect(await codeOf((await removeFile(own, 1)).write(ONE))).toBe('EAGAIN');
    const inside = own.runtime.bus.mdev(uuid(1));
    expect(await codeOf(inside?.remove() ?? Promise.resolve())).toBe('EAGAIN');
    own.board.release('probe', 1);
    const mdev = await created;
    expect(mdev.presence).toEqual({
      directory: true,
      remove: quirks === 'mended',
      bus: true,
      driver: true,
      links: true,
    });
    expect(await codeOf(removeFile(own, 1))).toBe(quirks === 'mended' ? 'fulfilled' : 'ENOENT');
    // In the kernel's way only unregistering its parent heals a device without the file.
    await own.runtime.unregisterParent(home);
    expect(own.runtime.bus.mdev(uuid(1))).toBeUndefined();
    expect(own.board.log).toEqual(['probe 1', 'probed 1', 'remove 1', 'removed 1']);
  });
});

test('mdev-core 14: 0 to remove has no effect, what is no number is EINVAL; the file stays', async () => {
  const mdev = await parent.create('t-plain', uuid(4));
  const file = await removeFile(scripted, 4);
  expect(await file.write(Buffer.from('0'))).toBe(1);
  expect(await codeOf(file.write(Buffer.from('abc')))).toBe('EINVAL');
  expect(mdev.presence).toEqual({ directory: true, remove: true, bus: true, driver: true, links: true });
  await file.write(ONE);
  expect(mdev.presence).toEqual({ directory: false, remove: false, bus: false, driver: false, links: false });
});

test('mdev-core 16: when the driver’s remove runs, both links are gone and the bus link too; the directory is not', async () => {
  const mdev = await parent.create('t-busy', uuid(5));
  const removed = mdev.remove();
  await scripted.board.reached('remove 5');
  expect(mdev.presence).toEqual({ directory: true, remove: false, bus: false, driver: false, links: false });
  scripted.board.release('remove', 5);
  await removed;
});

test('mdev-core 16: mdev_type and the link in devices go in one step', () => {
  // Seen from a driver's callbacks in the middle of the life of a device: never one without the other.
  const seen: boolean[] = [];
  const bits = ({ state }: { state: number }) => seen.push((state & 16) !== 0);
  withShard({ driver: { probe: (device) => void bits(device), remove: (device) => void bits(device) } }, (local) =>
    local.remove(local.create(1)),
  );
  expect(seen).toEqual([false, false]);
});

test('mdev-core 19: while a removal waits for its user, the UUID is taken and everything else goes on', async () => {
  const mdev = await parent.create('t-busy', uuid(6));
  const before = await parent.availableInstances('t-plain');
  const removed = mdev.remove();
  await scripted.board.reached('remove 6');
  expect(await codeOf(parent.create('t-plain', uuid(6)))).toBe('EEXIST');
  expect(await codeOf(other.create('t-plain', uuid(6)))).toBe('EEXIST');
  expect(await parent.availableInstances('t-plain')).toBe(before);
  expect(scripted.runtime.bus.mdevs().some(({ uuid: name }) => name === uuid(6))).toBe(false);
  for (const home of [parent, other]) await (await home.create('t-plain', uuid(7))).remove();
  scripted.board.release('remove', 6);
  await removed;
  expect(await parent.availableInstances('t-plain')).toBe(before + 1);
});

test.each(['careless', 'late-careless'])('a remove that is %s changes nothing for its caller', async (type) => {
  const mdev = await parent.create(`t-${type}`, uuid(8));
  scripted.events();
  await mdev.remove();
  expect(scripted.events()).toEqual(['unbind 8', 'remove 8']);
  await (await parent.create('t-plain', uuid(8))).remove();
});

test.each([
  ['rejects', () => Promise.reject(new Error('told to'))],
  [
    'throws',
    () => {
      throw new Error('told to');
    },
  ],
])('a remove that %s is told to who listens for drivers’ errors', async (_, remove) => {
  const seen: unknown[] = [];
  const listener = (message: unknown) => seen.push(message);
  subscribe('mediated:driver:error', listener);
  expect(await withShard({ driver: { remove } }, (local) => local.remove(local.create(1)))).toBe(0);
  unsubscribe('mediated:driver:error', listener);
  const error = expect.objectContaining({ message: 'told to' });
  expect(seen).toEqual([{ uuid: uuid(1), parent: 'local', type: 'only', callback: 'remove', error }]);
});

describe('unbind and bind', () => {
  const unbind = (name: string, driver = 'scripted') => codeOf(scripted.runtime.bus.unbind(driver, name));

  test('mdev-core 20: bind is always ENODEV, drivers_probe binds nothing, loading a driver neither', async () => {
    const { bus } = scripted.runtime;
    const mdev = await parent.create('t-plain', uuid(20));
    const bind = () => codeOf(bus.bind('scripted', uuid(20)));
    expect(await bind()).toBe('ENODEV');
    scripted.events();
    expect(await unbind(uuid(20))).toBe('fulfilled');
    expect(scripted.events()).toEqual(['unbind 20']);
    expect(mdev.presence).toEqual({ directory: true, remove: true, bus: true, driver: false, links: true });
    expect(await bind()).toBe('ENODEV');
    bus.driversProbe(uuid(20));
    expect(() => bus.driversProbe(uuid(21))).toThrow(expect.objectContaining({ code: 'ENODEV' }));
    await scripted.runtime.loadDriver(NEWCOMER, { options: scripted.board.buffer });
    expect(mdev.presence.driver).toBe(false);
    expect(await unbind(uuid(20))).toBe('ENODEV');
    scripted.events();
    await mdev.remove();
    expect(scripted.events()).toEqual(['remove 20']);
    expect(scripted.board.log.filter((entry) => entry.endsWith(' 20'))).toEqual([
      'probe 20',
      'probed 20',
      'remove 20',
      'removed 20',
    ]);
    await scripted.runtime.unloadDriver('newcomer');
  });

  test('unbind of what is not bound to that driver is ENODEV: unknown, upper case, another driver, half-created', async () => {
    const mdev = await parent.create('t-plain', '00000000-0000-4000-8000-0000000000ac');
    expect(await unbind(mdev.uuid.toUpperCase())).toBe('ENODEV');
    expect(await unbind(mdev.uuid, 'mtty')).toBe('ENODEV');
    expect(await unbind(uuid(22))).toBe('ENODEV');
    await mdev.remove();
    const { created } = await scripted.holding(parent, 22);
    expect(await unbind(uuid(22))).toBe('ENODEV');
    scripted.board.release('probe', 22);
    await (await created).remove();
  });

  test('a removal during an unbind that waits for a user goes after it; remove is called once', async () => {
    const mdev = await parent.create('t-busy', uuid(23));
    const unbound = unbind(uuid(23));
    await scripted.board.reached('remove 23');
    const removed = mdev.remove();
    expect(await codeOf(mdev.remove())).toBe('EAGAIN');
    scripted.board.release('remove', 23);
    expect(await unbound).toBe('fulfilled');
    await removed;
    expect(scripted.board.log.filter((entry) => entry === 'remove 23')).toHaveLength(1);
  });
});

test('a handle of a device that is gone stays that device’s, whoever has its slot or its UUID', async () => {
  // One slot, on the driver's second thread: the only thread of `narrow`, the second of `wide`.
  const own = await Scripted.start({ maxDevices: 1, threads: 2 });
  onTestFinished(() => own.close());
  const [wide, narrow] = [await own.parent('wide', 2), await own.parent('narrow')];
  const first = await narrow.create('t-plain', uuid(1));
  await first.remove();
  const second = await wide.create('t-busy', uuid(1));
  expect(second.index).toBe(first.index);
  expect([second.shard, first.shard]).toEqual([1, 0]);
  expect(await codeOf(first.remove())).toBe('ENODEV');
  expect([first.type, second.type]).toEqual(['t-plain', 't-busy']);
  expect(first.presence.directory).toBe(false);
  expect(second.presence.driver).toBe(true);
  own.board.release('remove', 1);
});
