/** Device sets: one mutex for all members, on whatever thread they are; membership; deaths. */
import { once } from 'node:events';
import { FRAMEWORK_WORDS } from '@mediated/core';
import { type DeviceFile, openDevice } from '@mediated/vfio';
import { DEVICE_WORDS_USED, OWN_MUTEX } from '#dist/device-words.js';
import * as sample from '../dist-fixtures/sample.fixture.js';
import { Stage, uuidOf } from '../dist-fixtures/stage.fixture.js';
import { expect, test } from 'vitest';

const { CLOSES, OPENS, OVERLAPS, SHUT, WRONG_COUNTS } = sample;

/** Members and sum of open counts of the set of an open device. */
async function census(file: DeviceFile): Promise<[members: number, open: number]> {
  const argument = new Uint8Array(4);
  const members = await file.ioctl(sample.MEMBERS, argument);
  return [members, new DataView(argument.buffer).getInt32(0, true)];
}

test('vfio-core 1: first opens and last closes of one set never overlap, on two threads', async () => {
  const stage = await Stage.set(2);
  await using _ = stage;
  const [here, there, witness] = [
    await stage.create('pair', 0),
    await stage.create('pair', 1),
    await stage.create('pair', 3),
  ];
  expect([here.shard, there.shard, witness.shard]).toEqual([0, 1, 1]);
  const witnessFile = await openDevice(stage.bus, witness);
  const solo = await openDevice(stage.bus, await stage.create('solo', 2));
  expect(await solo.ioctl(sample.THREAD)).not.toBe(await witnessFile.ioctl(sample.THREAD));

  stage.shut();
  const opens = stage.count(OPENS);
  const firstOpen = openDevice(stage.bus, here);
  // A thread handles messages in order: when the ioctl is answered, the open holds the mutex.
  await solo.ioctl(sample.THREAD);
  const secondOpen = openDevice(stage.bus, there);
  expect(await witnessFile.ioctl(sample.WAITING_FOR_SET)).toBe(1);
  expect(stage.count(OPENS)).toBe(opens + 1);
  // The witness is open already: a second open of it needs the mutex too.
  const thirdOpen = openDevice(stage.bus, witness);
  stage.unshut();
  const files = await Promise.all([firstOpen, secondOpen, thirdOpen]);
  expect(await witnessFile.ioctl(sample.CONTENDED_SET)).toBeGreaterThan(0);
  expect(await census(witnessFile)).toEqual([3, 4]);
  await Promise.all(files.map((file) => file.close()));
  await Promise.all([witnessFile.close(), solo.close()]);

  const clients = [here, there, witness, here].map(({ uuid }) =>
    stage.client({ uuid, job: 'openAndClose', number: 100 }),
  );
  expect(await Promise.all(clients.map(({ said }) => said))).toEqual(clients.map(() => ({ value: 100 })));
  expect([stage.count(OVERLAPS), stage.count(WRONG_COUNTS)]).toEqual([0, 0]);
  expect(stage.count(CLOSES)).toBe(stage.count(OPENS));
  await Promise.all(clients.map(({ ended }) => ended));
});

test('vfio-core 7: a set lives from the first assignment to the last release', async () => {
  const stage = await Stage.set(2);
  await using _ = stage;
  const [first, second] = [await stage.create('pair', 0), await stage.create('pair', 1)];
  const file = await openDevice(stage.bus, second);
  expect(await census(file)).toEqual([2, 1]);
  await first.remove();
  expect(await census(file)).toEqual([1, 1]);
  const third = await stage.create('pair', 2);
  expect(await census(file)).toEqual([2, 1]);
  expect(await file.ioctl(sample.CONTENDED_SET)).toBe(0);
  await file.close();
  await second.remove();
  await third.remove();
  const alone = await openDevice(stage.bus, await stage.create('pair', 0));
  expect(await census(alone)).toEqual([1, 1]);
  await alone.close();
});

test('sets that nobody is in any more leave nothing behind', async () => {
  const stage = await Stage.set(2);
  await using _ = stage;
  await (await stage.create('keyed', 0)).remove();
  const { used } = stage.bus.memory.locks;
  for (let round = 1; round < 30; round++) await (await stage.create('keyed', round)).remove();
  expect(stage.bus.memory.locks.used).toBe(used);
});

test('the members of a thread that dies leave their set, and its mutex, held in first open, goes on', async () => {
  const stage = await Stage.set(2);
  await using _ = stage;
  const [doomed, survivor] = [await stage.create('pair', 0), await stage.create('pair', 1)];
  const solo = await openDevice(stage.bus, await stage.create('solo', 2));
  stage.shut();
  const opening = openDevice(stage.bus, doomed);
  const restarted = once(stage.runtime.system.events, 'threadRestart');
  await expect(solo.ioctl(sample.DIE)).rejects.toMatchObject({ code: 'EIO' });
  await expect(opening).rejects.toMatchObject({ code: 'EIO' });
  await restarted;
  stage.tell(SHUT, 0);
  const file = await openDevice(stage.bus, survivor);
  expect(await census(file)).toEqual([1, 1]);
  await stage.create('pair', 2);
  expect(await census(file)).toEqual([2, 1]);
  await file.close();
});

test('the mutex of a device with a set of its own passes on when its owner dies', async () => {
  const stage = await Stage.set();
  await using _ = stage;
  const mdev = await stage.create('solo');
  const buffer = new Int32Array(new SharedArrayBuffer(4));
  buffer[0] = OWN_MUTEX;
  const job = 'holdOwnMutexAndDie';
  await stage.client({ uuid: uuidOf(0), job, number: mdev.index, buffer: buffer.buffer }).ended;
  await (await openDevice(stage.bus, mdev)).close();
  expect(stage.count(CLOSES)).toBe(1);
});

test("vfio's words fit into a slot", () => {
  expect(DEVICE_WORDS_USED).toBeLessThanOrEqual(FRAMEWORK_WORDS);
});
