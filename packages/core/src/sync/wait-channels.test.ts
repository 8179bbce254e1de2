/** What is published about waits for locks, on the thread that waits. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { LockSpace } from '@mediated/core/sync';
import { afterEach, expect, test } from 'vitest';

const CHANNELS = ['mediated:lock:wait:start', 'mediated:lock:wait:end'] as const;
const heard: unknown[][] = [];
const listeners = CHANNELS.map((name) => {
  const listener = (message: unknown) => heard.push([name.slice(name.lastIndexOf(':') + 1), message]);
  return { name, listener };
});

function listen(): void {
  for (const { name, listener } of listeners) subscribe(name, listener);
}

afterEach(() => {
  for (const { name, listener } of listeners) unsubscribe(name, listener);
  heard.length = 0;
});

test('a wait is told when it begins and when it ends; a lock that is free is taken without a word', async () => {
  listen();
  const mutex = LockSpace.create().mutex('table: kitchen');
  mutex.tryLock();
  const waiting = mutex.lock();
  await null;
  const notice = { lock: 'table: kitchen', operation: 'lock' };
  expect(heard).toEqual([['start', notice]]);
  mutex.unlock();
  (await waiting).release();
  await null;
  expect(heard).toEqual([
    ['start', notice],
    ['end', notice],
  ]);
});

test('a wait that fails ends too', async () => {
  listen();
  const semaphore = LockSpace.create().semaphore(1, 'seats');
  semaphore.tryAcquire(1);
  const waiting = semaphore.acquire(1, { signal: AbortSignal.abort() });
  await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED' });
  const controller = new AbortController();
  const aborted = semaphore.acquire(1, { signal: controller.signal });
  await null;
  controller.abort();
  await expect(aborted).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(heard.map(([what]) => what)).toEqual(['start', 'end']);
});

test('a writer that waits for readers is told under the name of its lock', async () => {
  listen();
  const lock = LockSpace.create().rwSemaphore('gate: card0');
  const reader = await lock.read();
  const writing = lock.write();
  await null;
  reader.release();
  (await writing).release();
  expect(heard[0]).toEqual(['start', { lock: 'gate: card0', operation: 'write' }]);
});
