import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { ForeignSleep } from '@mediated/core/actor';
import { createParking, Parking, stop } from '#dist/serve/parking.js';

/** The server's side, with an inbox that a test fills. */
function server() {
  const parked = new Int32Array(new SharedArrayBuffer(64 * 256));
  let ready = false;
  const sleep = new ForeignSleep(parked, 0, () => ready);
  const words = createParking();
  const fill = (full: boolean) => {
    ready = full;
  };
  /** As `wake` of the core does it. */
  const ring = () => {
    if (Atomics.compareExchange(parked, sleep.parkedAt, 1, 0) === 1) Atomics.notify(parked, sleep.parkedAt);
  };
  return { parking: new Parking(words, sleep), bed: { words, parked, parkedAt: sleep.parkedAt }, fill, ring };
}

const startWaker = (bed: object) =>
  new Worker(new URL('../../dist-fixtures/serve/sleeper.fixture.js', import.meta.url), { workerData: bed });

test('with something in the inbox there is no sleep', () => {
  const { parking, fill, bed } = server();
  fill(true);
  expect(parking.fallAsleep(true)).toBe(false);
  expect(Atomics.load(bed.parked, bed.parkedAt)).toBe(0);
  fill(false);
  expect(parking.fallAsleep(true)).toBe(true);
  parking.wakeUp();
  expect(Atomics.load(bed.parked, bed.parkedAt)).toBe(0);
});

test('the waker is woken for a server that was rung in its sleep, whenever that was', async () => {
  const { parking, bed, ring } = server();
  // Rung before the waker has looked for the first time.
  expect(parking.fallAsleep(true)).toBe(true);
  ring();
  const waker = startWaker(bed);
  expect((await once(waker, 'message'))[0]).toBe('rung');
  for (let round = 0; round < 50; round++) {
    parking.wakeUp();
    const rung = once(waker, 'message');
    waker.postMessage('go on');
    // It woke by itself, without being rung for: nobody is to come.
    expect(parking.fallAsleep(true)).toBe(true);
    parking.wakeUp();
    expect(parking.fallAsleep(false)).toBe(true);
    ring();
    parking.wakeUp();
    expect(parking.fallAsleep(true)).toBe(true);
    ring();
    expect((await rung)[0]).toBe('rung');
  }
  parking.wakeUp();
  const stopped = once(waker, 'message');
  stop(bed);
  waker.postMessage('go on');
  expect((await stopped)[0]).toBe('stopped');
});

test.each([true, false])('stopping ends the waker, the server asleep: %s', async (asleep) => {
  const { parking, bed } = server();
  if (asleep) parking.fallAsleep(true);
  const waker = startWaker(bed);
  await once(waker, 'online');
  const stopped = once(waker, 'message');
  stop(bed);
  expect((await stopped)[0]).toBe('stopped');
});
