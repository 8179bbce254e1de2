import { LockSpace, type Semaphore } from '@mediated/core/sync';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Crew, until } from '../../dist-fixtures/sync/sync-crew.fixture.js';

let crew: Crew;
let space: LockSpace;
let semaphore: Semaphore;

beforeEach(() => {
  crew = new Crew();
  space = LockSpace.create({ words: 4096 });
  semaphore = space.semaphore(3);
});

afterEach(async () => {
  await crew.dismiss();
  space.close();
});

describe('on one thread', () => {
  test('permits are taken all or none and never below zero', () => {
    expect(semaphore.tryAcquire(2)).toBe(true);
    expect(semaphore.tryAcquire(2)).toBe(false);
    expect(semaphore.value).toBe(1);
    expect(semaphore.tryAcquire()).toBe(true);
    expect(semaphore.tryAcquire()).toBe(false);
    expect(semaphore.held).toBe(3);
    semaphore.release(3);
    expect(semaphore.value).toBe(3);
    expect(semaphore.held).toBe(0);
  });

  test('the value may grow past the initial one, up to 2^30', () => {
    semaphore.release(5);
    expect(semaphore.value).toBe(8);
    expect(() => semaphore.release(2 ** 30)).toThrow(expect.objectContaining({ code: 'EOVERFLOW' }));
    expect(semaphore.value).toBe(8);
  });

  test('a number of permits is a whole number from 1 to 2^30', async () => {
    for (const count of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
      expect(() => semaphore.tryAcquire(count)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    }
    await expect(semaphore.acquire(0)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(() => space.semaphore(-1)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  test('waiters of one thread are served in order, a large one is not overtaken', async () => {
    const order: number[] = [];
    semaphore.tryAcquire(3);
    const large = semaphore.acquire(3).then((guard) => {
      order.push(3);
      guard.release();
    });
    const small = semaphore.acquire(1).then((guard) => {
      order.push(1);
      guard.release();
    });
    semaphore.release();
    semaphore.release();
    semaphore.release();
    await Promise.all([large, small]);
    expect(order).toEqual([3, 1]);
    expect(semaphore.stats()).toMatchObject({ contended: 2, acquisitions: 2, waiting: 0 });
  });

  test('ETIMEDOUT, ECANCELED, and a guard that releases once', async () => {
    const guard = await semaphore.acquire(3);
    await expect(semaphore.acquire(1, { timeout: 0 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await expect(semaphore.acquire(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ECANCELED' });
    guard.release();
    guard.release();
    expect(semaphore.value).toBe(3);
    expect(() => semaphore.acquireSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }));
  });
});

describe('between threads', () => {
  test('never more inside than there are permits', async () => {
    const members = [1, 2, 3].map(() => crew.start('semaphoreCount', { locks: [semaphore], rounds: 1000 }));
    await crew.ready(3);
    crew.open();
    for (const most of await Promise.all(members.map((member) => member.answer))) expect(most).toBeLessThanOrEqual(3);
    await Promise.all(members.map((member) => member.ended));
    expect(semaphore.value).toBe(3);
    expect(semaphore.stats().waiting).toBe(0);
  });

  test('a blocked thread that wants one passes although another wants more than there is', async () => {
    semaphore.tryAcquire(3);
    crew.start('semaphoreWait', { locks: [semaphore], rounds: 3 });
    await until(() => semaphore.stats().waiting === 1);
    const small = crew.start('semaphoreWait', { locks: [semaphore], rounds: 1 });
    await until(() => semaphore.stats().waiting === 2);
    semaphore.release();
    await small.answer;
  });
});

describe('deaths', () => {
  test('the permits of a dead thread come back, to those who wait', async () => {
    const holder = crew.start('semaphoreHold', { locks: [semaphore], rounds: 2 });
    await crew.ready(1);
    expect(semaphore.value).toBe(1);
    const waiting = semaphore.acquire(3);
    await crew.kill(holder);
    (await waiting).release();
    expect(semaphore.value).toBe(3);
    expect(semaphore.stats().ownerDeaths).toBe(1);
  });

  test('what a thread released for others is not taken back, and not given back twice', async () => {
    const taker = crew.start('semaphoreHold', { locks: [semaphore], rounds: 2 });
    await crew.ready(1);
    semaphore.release(2);
    expect(semaphore.value).toBe(3);
    await crew.kill(taker);
    expect(semaphore.value).toBe(3);
  });

  test("a dead consumer's used-up permits stay used up, a dead producer's stay produced", async () => {
    const signal = space.semaphore(0);
    const producer = crew.start('semaphoreProduce', { locks: [signal], rounds: 5 });
    await crew.ready(1);
    const consumer = crew.start('semaphoreHold', { locks: [signal], rounds: 3 });
    await crew.ready(2);
    await crew.kill(producer);
    expect(signal.value).toBe(2);
    await crew.kill(consumer);
    expect(signal.value).toBe(2);
  });

  test('a dead waiter takes no permit with it', async () => {
    semaphore.tryAcquire(3);
    const waiter = crew.start('semaphoreWait', { locks: [semaphore], rounds: 1 });
    await until(() => semaphore.stats().waiting === 1);
    semaphore.release(3);
    await crew.kill(waiter);
    expect(semaphore.value).toBe(3);
    expect(semaphore.stats().waiting).toBe(0);
  });
});
