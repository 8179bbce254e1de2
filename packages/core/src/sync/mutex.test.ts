import { LockSpace, Mutex, registerLockRegion } from '@mediated/core/sync';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Crew, DATA, until } from '../../dist-fixtures/sync/sync-crew.fixture.js';

let crew: Crew;
let space: LockSpace;
let mutex: Mutex;

beforeEach(() => {
  crew = new Crew();
  space = LockSpace.create({ words: 4096 });
  mutex = space.mutex('tested');
});

afterEach(async () => {
  await crew.dismiss();
  space.close();
});

describe('on one thread', () => {
  test('tryLock takes it once, unlock frees it', () => {
    expect(mutex.tryLock()).toBe(true);
    expect(mutex.held).toBe(true);
    expect(mutex.tryLock()).toBe(false);
    mutex.unlock();
    expect(mutex.owner).toBe(-1);
    expect(mutex.tryLock()).toBe(true);
    mutex.unlock();
  });

  test('unlocking what one does not hold is EPERM', () => {
    expect(() => mutex.unlock()).toThrow(expect.objectContaining({ code: 'EPERM', syscall: 'unlock' }));
  });

  test('the main thread may not block: EDEADLK even when the mutex is free', () => {
    expect(() => mutex.lockSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }));
  });

  test('lockBriefly takes it without a guard, on the main thread too; taking it twice is EDEADLK', () => {
    mutex.lockBriefly();
    expect(mutex.held).toBe(true);
    expect(() => mutex.lockBriefly()).toThrow(expect.objectContaining({ code: 'EDEADLK', syscall: 'lockBriefly' }));
    mutex.unlock();
    expect(mutex.owner).toBe(-1);
  });

  test('a guard is released by using, and once only', async () => {
    {
      using guard = await mutex.lock();
      expect(guard.held).toBe(true);
      expect(guard.code).toBeUndefined();
      guard.release();
      expect(guard.held).toBe(false);
      expect(mutex.tryLock()).toBe(true);
    }
    expect(mutex.held).toBe(true);
    mutex.unlock();
  });

  test('tasks of one thread take turns in order of arrival, also through different objects', async () => {
    const other = Mutex.from(mutex.handle);
    const order: number[] = [];
    mutex.tryLock();
    const tasks = [mutex, other, mutex, other].map(async (lock, index) => {
      using _guard = await lock.lock();
      order.push(index);
      await Promise.resolve();
    });
    mutex.unlock();
    // A newcomer goes behind those in line, although the mutex is free at this moment.
    const late = mutex.lock().then((guard) => {
      order.push(9);
      guard.release();
    });
    await Promise.all([...tasks, late]);
    expect(order.filter((index) => index !== 9 && index % 2 === 0)).toEqual([0, 2]);
    expect(order).toEqual([0, 1, 2, 3, 9]);
    expect(mutex.stats()).toMatchObject({ acquisitions: 6, contended: 5, waiting: 0 });
  });

  test('an aborted signal refuses at once and holds nothing', async () => {
    const reason = new Error('no longer wanted');
    await expect(mutex.lock({ signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: 'ECANCELED',
      cause: reason,
    });
    expect(mutex.owner).toBe(-1);
  });

  test('a timeout of 0 tries once: ETIMEDOUT, and the others are not disturbed', async () => {
    mutex.tryLock();
    await expect(mutex.lock({ timeout: 0 })).rejects.toMatchObject({ code: 'ETIMEDOUT', errno: -110 });
    await expect(mutex.lock({ timeout: 1 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(mutex.stats().waiting).toBe(0);
    const next = mutex.lock();
    mutex.unlock();
    (await next).release();
    (await mutex.lock({ timeout: 0 })).release();
  });

  test('a waiter that is aborted leaves the line; those behind it get their turn', async () => {
    const abort = new AbortController();
    mutex.tryLock();
    const first = mutex.lock({ signal: abort.signal });
    const second = mutex.lock();
    abort.abort();
    await expect(first).rejects.toMatchObject({ code: 'ECANCELED' });
    mutex.unlock();
    (await second).release();
  });

  test('a waiter aborted after it was woken passes the wake-up on', async () => {
    const abort = new AbortController();
    mutex.tryLock();
    const first = mutex.lock({ signal: abort.signal });
    mutex.unlock();
    abort.abort();
    await expect(first).rejects.toMatchObject({ code: 'ECANCELED' });
    (await mutex.lock()).release();
    expect(mutex.owner).toBe(-1);
  });

  test('the handle of another kind of lock is refused', () => {
    const handle = { ...mutex.handle, kind: 'srcu' } as unknown as typeof mutex.handle;
    expect(() => Mutex.from(handle)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});

describe('between threads', () => {
  test('blocking: not owner EPERM, relocking EDEADLK, tryLock false, expired ETIMEDOUT', async () => {
    expect(await crew.start('mutexErrors', { locks: [mutex] }).answer).toEqual({
      notOwner: 'EPERM',
      relock: 'EDEADLK',
      tried: false,
    });
    mutex.tryLock();
    expect(await crew.start('mutexTimeout', { locks: [mutex] }).answer).toBe('ETIMEDOUT');
    mutex.unlock();
    expect(mutex.stats().waiting).toBe(0);
  });

  test('a blocked thread is woken by the release', async () => {
    mutex.tryLock();
    const waiter = crew.start('mutexWait', { locks: [mutex] });
    await until(() => mutex.stats().waiting === 1);
    mutex.unlock();
    expect(await waiter.answer).toEqual({ ownerDied: false, code: undefined });
  });

  test('an awaiting waiter that gave up does not stand in the way of a blocked thread behind it', async () => {
    const abort = new AbortController();
    mutex.tryLock();
    const first = mutex.lock({ signal: abort.signal });
    const waiter = crew.start('mutexWait', { locks: [mutex] });
    await until(() => mutex.stats().waiting === 2);
    abort.abort();
    mutex.unlock();
    await expect(first).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(await waiter.answer).toEqual({ ownerDied: false, code: undefined });
  });

  test('blocking and awaiting threads exclude each other', async () => {
    const rounds = 2000;
    const members = [
      crew.start('mutexCount', { locks: [mutex], rounds }),
      crew.start('mutexCount', { locks: [mutex], rounds }),
      crew.start('mutexCountAwaiting', { locks: [mutex], rounds }),
    ];
    await crew.ready(3);
    crew.open();
    for (let round = 0; round < 200; round++) {
      using _guard = await mutex.lock();
      crew.control[DATA] = (crew.control[DATA] as number) + 1;
    }
    await Promise.all(members.map((member) => member.ended));
    expect(crew.control[DATA]).toBe(3 * rounds + 200);
    expect(mutex.stats()).toMatchObject({ acquisitions: 3 * rounds + 200, waiting: 0 });
  });

  test('overtaking is bounded: an awaiting thread gets the mutex from one that never pauses', async () => {
    crew.start('mutexHog', { locks: [mutex] });
    crew.start('mutexHog', { locks: [mutex] });
    await crew.ready(2);
    for (let round = 0; round < 20; round++) (await mutex.lock()).release();
  });

  test('a thread that blocks elsewhere leaves no wake-up behind', async () => {
    const completion = space.completion();
    mutex.tryLock();
    const awaiting = crew.start('mutexAwaitThenBlock', { locks: [mutex, completion] });
    await until(() => completion.stats().waiting === 1);
    const wanting = crew.start('mutexThenComplete', { locks: [mutex, completion] });
    await until(() => mutex.stats().waiting === 2);
    mutex.unlock();
    await Promise.all([awaiting.answer, wanting.answer]);
  });
});

describe('deaths', () => {
  test('the next owner is told of the death of the owner, until it unlocks', async () => {
    const holder = crew.start('mutexHold', { locks: [mutex] });
    await crew.ready(1);
    const next = mutex.lock();
    await crew.kill(holder);
    const guard = await next;
    expect(guard.ownerDied).toBe(true);
    expect(guard.code).toBe('EOWNERDEAD');
    expect(mutex.ownerDied).toBe(true);
    guard.release();
    expect(mutex.ownerDied).toBe(false);
    expect(mutex.stats().ownerDeaths).toBe(1);
    using after = await mutex.lock();
    expect(after.ownerDied).toBe(false);
  });

  test('tryLock too takes the mutex of the dead, and markConsistent ends the mark', async () => {
    const holder = crew.start('mutexHold', { locks: [mutex] });
    await crew.ready(1);
    await crew.kill(holder);
    expect(mutex.ownerDied).toBe(true);
    expect(mutex.tryLock()).toBe(true);
    expect(mutex.ownerDied).toBe(true);
    mutex.markConsistent();
    expect(mutex.ownerDied).toBe(false);
    mutex.unlock();
    expect(() => mutex.markConsistent()).toThrow(expect.objectContaining({ code: 'EPERM' }));
  });

  test('a blocked thread gets the mutex of the dead', async () => {
    const holder = crew.start('mutexHold', { locks: [mutex] });
    await crew.ready(1);
    const waiter = crew.start('mutexWait', { locks: [mutex] });
    await until(() => mutex.stats().waiting === 1);
    await crew.kill(holder);
    expect(await waiter.answer).toEqual({ ownerDied: true, code: 'EOWNERDEAD' });
  });

  test('a waiter that dies leaves no bit, and takes no wake-up with it', async () => {
    mutex.tryLock();
    const dying = crew.start('mutexWait', { locks: [mutex] });
    await until(() => mutex.stats().waiting === 1);
    const living = crew.start('mutexWait', { locks: [mutex] });
    await until(() => mutex.stats().waiting === 2);
    // Wakes the first in the list, which is terminated before it can run far: whether it got the mutex or not, it passes.
    mutex.unlock();
    await crew.kill(dying);
    await living.answer;
    await living.ended;
    expect(mutex.stats().waiting).toBe(0);
    expect(mutex.tryLock()).toBe(true);
    mutex.unlock();
  });

  test('threads killed while they contend leave a usable mutex', async () => {
    for (let round = 1; round <= 5; round++) {
      const hogs = [crew.start('mutexHog', { locks: [mutex] }), crew.start('mutexHog', { locks: [mutex] })];
      await crew.ready(2 * round);
      const wanted = mutex.lock();
      for (const hog of hogs) await crew.kill(hog);
      (await wanted).release();
      expect(mutex.stats().waiting).toBe(0);
      expect(mutex.owner).toBe(-1);
    }
  });

  test('a mutex embedded in a registered region is recovered, in an unregistered one it is not', async () => {
    const words = new Int32Array(new SharedArrayBuffer(4096));
    const embedded = Mutex.at(words, 100, { name: 'embedded' });
    const region = { words, first: 100 - 32, stride: 32, count: () => 3, kind: 'mutex' } as const;
    const unregister = registerLockRegion(region);
    const first = crew.start('mutexHold', { locks: [embedded] });
    await crew.ready(1);
    await crew.kill(first);
    expect(embedded.tryLock()).toBe(true);
    expect(embedded.ownerDied).toBe(true);
    embedded.unlock();
    unregister();
    const second = crew.start('mutexHold', { locks: [embedded] });
    await crew.ready(2);
    await crew.kill(second);
    expect(embedded.tryLock()).toBe(false);
  });
});
