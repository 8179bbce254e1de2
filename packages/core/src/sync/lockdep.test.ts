import {
  checkLockOrder,
  declareLockOrder,
  enableLockDebug,
  heldLocks,
  type LockInversion,
  LockSpace,
  lockTask,
  onLockInversion,
} from '@mediated/core/sync';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Crew } from '../../dist-fixtures/sync/sync-crew.fixture.js';

const space = LockSpace.create();
const crew = new Crew();

// The inversions of this file are meant.
beforeEach(() => {
  delete process.env.MEDIATED_LOCK_REPORT;
  enableLockDebug();
});

afterEach(async () => {
  enableLockDebug(false);
  onLockInversion();
  await crew.dismiss();
});

test('a task lists what it holds, over its awaits, apart from other tasks', async () => {
  const a = space.mutex('list a');
  const b = space.mutex('list b');
  const c = space.rwSemaphore('list c');
  await Promise.all([
    lockTask(async () => {
      using _a = await a.lock();
      await Promise.resolve();
      using _c = await c.read();
      expect(heldLocks()).toEqual(['list a', 'list c']);
    }),
    lockTask(async () => {
      using _b = await b.lock();
      await Promise.resolve();
      expect(heldLocks()).toEqual(['list b']);
    }),
  ]);
  a.tryLock();
  expect(heldLocks()).toEqual(['list a']);
  a.unlock();
  expect(heldLocks()).toEqual([]);
});

test('the opposite order is thrown as EDEADLK with both stacks, and nothing is taken', async () => {
  const a = space.mutex('throw a');
  const b = space.mutex('throw b');
  async function forwards(): Promise<void> {
    using _a = await a.lock();
    using _b = await b.lock();
  }
  async function backwards(): Promise<void> {
    using _b = await b.lock();
    using _a = await a.lock();
  }
  await lockTask(forwards);
  await lockTask(forwards);
  const failure = lockTask(backwards);
  await expect(failure).rejects.toMatchObject({ code: 'EDEADLK' });
  await expect(failure).rejects.toThrow(/taking throw a while holding throw b[\s\S]*backwards[\s\S]*forwards/);
  expect(a.owner).toBe(-1);
  expect(b.owner).toBe(-1);
});

test('an order over three locks is contradicted too; a callback is told instead', async () => {
  const [a, b, c] = ['three a', 'three b', 'three c'].map((name) => space.mutex(name));
  const found: LockInversion[] = [];
  onLockInversion((inversion) => found.push(inversion));
  const pair = (first = a!, second = b!): Promise<void> =>
    lockTask(async () => {
      using _first = await first.lock();
      using _second = await second.lock();
    });
  await pair(a, b);
  await pair(b, c);
  await pair(c, a);
  expect(found).toMatchObject([{ taking: 'three a', holding: 'three c' }]);
});

test('a declared order counts as seen', async () => {
  declareLockOrder(['declared gate', 'declared device', 'declared set']);
  const gate = space.rwSemaphore('declared gate');
  const set = space.mutex('declared set');
  await lockTask(async () => {
    using _set = await set.lock();
    await expect(gate.write()).rejects.toThrow(/declared: declared gate < declared device < declared set/);
    expect(gate.tryRead()).toBe(true);
    gate.unlockRead();
  });
});

test('locks of one class are one to the order, whatever instance; tries that would wait are checked when told', async () => {
  declareLockOrder(['outer', 'inner']);
  const [outer, inner, other] = ['outer: 1', 'inner: 2', 'inner: 3'].map((name) => space.mutex(name));
  await lockTask(async () => {
    using _inner = await inner!.lock();
    expect(() => checkLockOrder(other!)).not.toThrow();
    expect(() => checkLockOrder(outer!)).toThrow(/taking outer: 1 while holding inner: 2/);
  });
  await lockTask(async () => {
    using _outer = await outer!.lock();
    expect(() => checkLockOrder(inner!)).not.toThrow();
  });
});

test('two threads with opposite orders are found', async () => {
  const first = space.mutex('threads first');
  const second = space.mutex('threads second');
  await crew.start('orderFirstSecond', { locks: [first, second] }).answer;
  await lockTask(async () => {
    using _second = await second.lock();
    await expect(first.lock()).rejects.toThrow(/orderFirstSecond/);
  });
});

test('off, nothing is listed', async () => {
  enableLockDebug(false);
  const mutex = space.mutex('off');
  mutex.tryLock();
  expect(heldLocks()).toEqual([]);
  mutex.unlock();
});
