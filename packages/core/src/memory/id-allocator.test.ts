/** Lowest-free numbers: in order, given out once, also when threads race. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import type { IdData } from '../../dist-fixtures/memory/id-allocator.fixture.js';
import { IdAllocator } from '#dist/memory/id-allocator.js';

test('numbers go out from 0, the lowest free one first', () => {
  const ids = IdAllocator.create(96);
  for (let n = 0; n < 70; n++) expect(ids.allocate()).toBe(n);
  for (const id of [69, 3, 31, 40]) ids.free(id);
  expect([1, 2, 3, 4, 5].map(() => ids.allocate())).toEqual([3, 31, 40, 69, 70]);
});

test('a thread that died between giving a number back and saying so: the number is the lowest again', () => {
  const ids = IdAllocator.create(96);
  for (let n = 0; n < 70; n++) ids.allocate();
  const words = new Int32Array(ids.handle.buffer);
  // Its byte is cleared, the hint is not lowered.
  const before = words.slice();
  ids.free(3);
  const cleared = words.findIndex((word, at) => word !== before[at] && (before[at] as number) >>> 24 !== 0);
  const rest = words[cleared] as number;
  words.set(before);
  words[cleared] = rest;
  ids.recover(50);
  expect(ids.allocate()).toBe(3);
});

test('when all are out it answers -1, until one comes back', () => {
  const ids = IdAllocator.create(33);
  // Rounded up to whole words.
  for (let n = 0; n < 64; n++) expect(ids.allocate()).toBe(n);
  expect([ids.allocate(), ids.allocate()]).toEqual([-1, -1]);
  ids.free(0);
  expect([ids.allocate(), ids.allocate()]).toEqual([0, -1]);
  ids.free(63);
  expect(ids.allocate()).toBe(63);
});

test('another view sees the same numbers', () => {
  const ids = IdAllocator.create(32);
  expect([ids.allocate(), IdAllocator.from(ids.handle).allocate()]).toEqual([0, 1]);
});

test('what a dead thread has taken comes back, wherever it was noted; others keep theirs, and what was reserved stays', () => {
  const [dying, living] = [7, 63];
  const ids = IdAllocator.create(64, { thread: dying });
  const others = IdAllocator.from(ids.handle, { thread: living });
  const taken = Array.from({ length: 12 }, (_, n) => [n, (n % 3 === 0 ? others : ids).allocate()]);
  expect(taken.map(([, id]) => id)).toEqual(taken.map(([n]) => n));
  expect([ids.reserve(40), ids.reserve(40), ids.reserve(3), ids.reserve(64)]).toEqual([true, false, false, false]);
  ids.recover(dying);
  ids.recover(dying);
  const free = [1, 2, 4, 5, 7, 8, 10, 11, 12];
  expect(free.map(() => others.allocate())).toEqual(free);
  for (let n = 13; n < 40; n++) others.allocate();
  expect(others.allocate()).toBe(41);
});

test('threads that allocate and free at once never have a number twice; afterwards the lowest is free', async () => {
  const THREADS = 2;
  const ids = IdAllocator.create(256);
  const owners = new Int32Array(new SharedArrayBuffer(256 * 4));
  const go = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from({ length: THREADS }, (_, n) => {
    const workerData: IdData = { ids: ids.handle, owners, go, self: n + 1, rounds: 3000 };
    return new Worker(new URL('../../dist-fixtures/memory/id-allocator.fixture.js', import.meta.url), { workerData });
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const results = Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as string));
  Atomics.store(go, 0, 1);
  Atomics.notify(go, 0);
  expect(await results).toEqual(['done', 'done']);
  await Promise.all(workers.map((worker) => worker.terminate()));
  for (let n = 0; n < 256; n++) expect(ids.allocate()).toBe(n);
});
