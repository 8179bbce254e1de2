/** Devices that are not mediated: bound and unbound by name, in groups that are described, whatever becomes of threads. */
import { once } from 'node:events';
import { type ParentSpec, Runtime, type Uevent } from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import { bind, boundDevice, physicalUuid, unbind } from '@mediated/vfio/physical';
import { type BoardOptions, DIE, KERNEL_DMA_USERS, RECLAIMED } from '../../dist-fixtures/physical/boards.fixture.js';
import { expect, test } from 'vitest';

const DRIVER = new URL('../../dist-fixtures/physical/boards.fixture.js', import.meta.url);
const TWINS: BoardOptions['boards'] = [
  { name: 'board:0', group: 7, path: 'bridge:0/board:0' },
  { name: 'board:1', group: 7, host: { name: 'boardnet' } },
  { name: 'lonely', host: { name: 'boardnet' } },
  { name: 'refused', group: 8 },
];

async function stage(options: Partial<BoardOptions> = {}, threads = 1) {
  const runtime = Runtime.start();
  const parents: Omit<ParentSpec, 'driver'>[] = [{ name: 'boards', path: '/devices/boards', threads }];
  await runtime.loadDriver(DRIVER, { threads, parents, options: { boards: TWINS, ...options } });
  const { bus } = runtime;
  const parent = bus.parent('boards');
  const events: Uevent[] = [];
  bus.events.on('uevent', (event) => events.push(event));
  const heard = () => {
    bus.drainEvents();
    return events.splice(0).map(({ action, devpath, subsystem }) => `${action} ${subsystem} ${devpath}`);
  };
  heard();
  return { runtime, bus, parent, heard, [Symbol.asyncDispose]: () => runtime.close() };
}

test('a device is bound by its name, opened under a UUID made of it, and unbound', async () => {
  await using board = await stage();
  const { bus, parent } = board;
  const mdev = await bind(parent, 'board:0');
  expect([mdev.name, mdev.uuid, mdev.group]).toEqual(['board:0', physicalUuid('board', 'board:0'), 7]);
  expect(mdev.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const file = await openDevice(bus, mdev);
  expect(await file.read(0, 1)).toEqual(Uint8Array.of(0));
  await file.close();
  await expect(bind(parent, 'board:0')).rejects.toMatchObject({ code: 'EBUSY' });
  await expect(bind(parent, 'board:9')).rejects.toMatchObject({ code: 'ENODEV' });
  await unbind(bus, parent, 'board:0');
  await expect(unbind(bus, parent, 'board:0')).rejects.toMatchObject({ code: 'ENODEV' });
});

test('its uevents are those of a device of its bus; the node of a shared group comes first and goes last', async () => {
  await using board = await stage();
  const { bus, parent, heard } = board;
  await bind(parent, 'board:0');
  expect(heard()).toEqual([
    'add vfio /devices/virtual/vfio/7',
    'add vfio-dev /devices/boards/bridge:0/board:0/vfio-dev/vfio0',
    'bind board /devices/boards/bridge:0/board:0',
  ]);
  await bind(parent, 'board:1');
  expect(heard()).toEqual([
    'add vfio-dev /devices/boards/board:1/vfio-dev/vfio1',
    'bind board /devices/boards/board:1',
  ]);
  await unbind(bus, parent, 'board:0');
  expect(heard()).toEqual([
    'remove vfio-dev /devices/boards/bridge:0/board:0/vfio-dev/vfio0',
    'unbind board /devices/boards/bridge:0/board:0',
  ]);
  await unbind(bus, parent, 'board:1');
  expect(heard()).toContain('remove vfio /devices/virtual/vfio/7');
});

test('vfio-core 7.4: a host driver counts as a user of kernel DMA until the device is bound, and is not given it back', async () => {
  await using board = await stage();
  const { bus, parent } = board;
  const file = await openDevice(bus, await bind(parent, 'board:0'));
  const users = () => file.ioctl(KERNEL_DMA_USERS, Uint8Array.of(7));
  expect(await users()).toBe(1);
  await bind(parent, 'board:1');
  expect(await users()).toBe(0);
  await unbind(bus, parent, 'board:1');
  expect(await users()).toBe(0);
  await file.close();
});

test('vfio-core 8.6: without an IOMMU a device is refused, unless that mode is on', async () => {
  await using refusing = await stage();
  await expect(bind(refusing.parent, 'lonely')).rejects.toMatchObject({ code: 'EINVAL' });
  await using allowing = await stage({ noIommu: true });
  const lonely = await bind(allowing.parent, 'lonely');
  expect(lonely.group).toBe(0);
  await lonely.remove();
});

test('a refused device stays unbound and may be tried again', async () => {
  await using board = await stage();
  await expect(bind(board.parent, 'refused')).rejects.toMatchObject({ code: 'EIO' });
  await expect(bind(board.parent, 'refused')).rejects.toMatchObject({ code: 'EIO' });
  expect(board.heard()).toEqual([]);
});

test('the end of a thread is the end of its devices, the group stays with the others', async () => {
  await using board = await stage({}, 2);
  const { runtime, bus, parent, heard } = board;
  const doomed = await bind(parent, 'board:0', { thread: 0 });
  const survivor = await bind(parent, 'board:1', { thread: 1 });
  expect([doomed.shard, survivor.shard]).toEqual([0, 1]);
  await expect(bind(parent, 'board:1', { thread: 2 })).rejects.toMatchObject({ code: 'EINVAL' });
  const [file, other] = [await openDevice(bus, doomed), await openDevice(bus, survivor)];
  heard();
  const restarted = once(runtime.system.events, 'threadRestart');
  await expect(file.ioctl(DIE)).rejects.toMatchObject({ code: 'EIO' });
  await restarted;
  expect(heard()).toEqual([
    'remove vfio-dev /devices/boards/bridge:0/board:0/vfio-dev/vfio0',
    'unbind board /devices/boards/bridge:0/board:0',
  ]);
  expect(() => boundDevice(bus, parent, 'board:0')).toThrow(expect.objectContaining({ code: 'ENODEV' }));
  await other.close();
  await survivor.remove();
  expect(heard()).toContain('remove vfio /devices/virtual/vfio/7');
  const again = await bind(parent, 'board:0', { thread: 0 });
  const reopened = await openDevice(bus, again);
  expect(await reopened.ioctl(RECLAIMED)).toBe(1);
  await reopened.close();
});

test('the numbers of described groups are taken while the driver is loaded', async () => {
  await using board = await stage();
  const { memory } = board.bus;
  expect(memory.groups.reserve(7)).toBe(false);
  await board.runtime.unloadDriver('vfio-board');
  expect(memory.groups.reserve(7)).toBe(true);
  expect(memory.groups.reserve(2 ** 30)).toBe(false);
  await expect(board.runtime.loadDriver(DRIVER, { options: { boards: TWINS } })).rejects.toMatchObject({
    code: 'EBUSY',
  });
  expect(memory.groups.reserve(8)).toBe(true);
});

test.each([
  [[{ name: '' }], 'no name'],
  [[{ name: 'a' }, { name: 'a' }], 'two devices named a'],
  [[{ name: 'a', group: -1 }], 'group of a is -1'],
  [[{ name: 'a', host: { name: '' } }], 'host driver of a'],
])('devices %j are refused: %s', async (boards, reason) => {
  const runtime = Runtime.start();
  await using _ = runtime;
  await expect(runtime.loadDriver(DRIVER, { options: { boards } })).rejects.toThrow(reason);
});
