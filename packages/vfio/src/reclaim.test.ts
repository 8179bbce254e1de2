/** A driver's thread dies: the uevents of the end of its devices, and what their locks had counted. */
import type { Uevent } from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import { Stage } from '../dist-fixtures/stage.fixture.js';
import { expect, onTestFinished, test } from 'vitest';

async function start(): Promise<{ stage: Stage; drained: () => string[] }> {
  const stage = await Stage.set();
  onTestFinished(() => stage[Symbol.asyncDispose]());
  const uevents: Uevent[] = [];
  stage.bus.events.on('uevent', (event) => uevents.push(event));
  const drained = () => {
    stage.bus.drainEvents();
    return uevents.splice(0).map(({ action, devpath }) => `${action} ${devpath}`);
  };
  return { stage, drained };
}

/** Ends the driver's thread; resolves when its devices are reclaimed and it runs again. */
async function kill({ runtime }: Stage): Promise<void> {
  const restarted = new Promise((resolve) => runtime.system.events.once('threadRestart', resolve));
  const { worker } = await runtime.system.thread('sample/0');
  await worker.terminate();
  await restarted;
}

const device = '/devices/virtual/sample/p/00000001-0000-0000-0000-000000000000';

test('a device of a dead thread ends with the same events as one that is removed', async () => {
  const { stage, drained } = await start();
  const mdev = await stage.create('solo', 1);
  drained();
  await mdev.remove();
  const removed = drained();
  await stage.create('solo', 1);
  drained();
  await kill(stage);
  expect(drained()).toEqual(removed);
  expect(removed).toEqual([
    `remove ${device}/vfio-dev/vfio0`,
    'remove /devices/virtual/vfio/0',
    `unbind ${device}`,
    `remove ${device}`,
  ]);
});

test('of a device that is being removed, what had not been said', async () => {
  const { stage, drained } = await start();
  const mdev = await stage.create('solo', 1);
  const file = await openDevice(stage.bus, mdev);
  drained();
  const removal = mdev.remove();
  await file.read(0, 1);
  expect(drained()).toEqual([`remove ${device}/vfio-dev/vfio0`]);
  const failed = expect(removal).rejects.toMatchObject({ code: 'EIO' });
  await kill(stage);
  await failed;
  expect(drained()).toEqual(['remove /devices/virtual/vfio/0', `remove ${device}`]);
});

test('mutexes of sets are told while the sets live, when they have ended and when their thread has died', async () => {
  const { stage } = await start();
  const taken = () =>
    Object.fromEntries(
      stage.runtime
        .lockStatistics()
        .filter(({ name }) => name.startsWith('device set'))
        .map(({ name, stats }) => [name, stats.acquisitions]),
    );
  const use = async (type: 'solo' | 'pair', digits: number) => {
    const mdev = await stage.create(type, digits);
    await (await openDevice(stage.bus, mdev)).close();
    return mdev;
  };
  // A solo takes its mutex to open and to close, one of a pair also to join and to leave; joining and leaving take the registry's.
  const solo = await use('solo', 1);
  expect(taken()).toEqual({ 'device set registry': 0, 'device set: shared': 0, 'device set: own': 2 });
  await solo.remove();
  expect(taken()).toMatchObject({ 'device set: own': 2 });
  const pair = await use('pair', 2);
  expect(taken()).toMatchObject({ 'device set registry': 1, 'device set: shared': 3 });
  await pair.remove();
  expect(taken()).toMatchObject({ 'device set registry': 2, 'device set: shared': 4 });
  await use('solo', 3);
  await kill(stage);
  expect(taken()).toEqual({ 'device set registry': 2, 'device set: shared': 4, 'device set: own': 4 });
});
