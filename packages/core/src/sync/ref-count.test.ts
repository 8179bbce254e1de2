import { LockSpace, RefCount } from '@mediated/core/sync';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Crew } from '../../dist-fixtures/sync/sync-crew.fixture.js';

let crew: Crew;
let space: LockSpace;

beforeEach(() => {
  crew = new Crew();
  space = LockSpace.create({ words: 4096 });
});

afterEach(async () => {
  await crew.dismiss();
  space.close();
});

describe.each([false, true])('tracked: %s', (tracked) => {
  const make = (initial?: number): RefCount => space.refCount(initial, 'references', { tracked });

  test('who waits for zero is woken when the last bearer died between its put and the notification', async () => {
    const count = make();
    const zero = count.zero();
    // The put of the dead thread 40, as far as it came.
    const { buffer, offset } = count.handle;
    Atomics.store(new Int32Array(buffer), offset, 0);
    space.recover(40);
    await zero;
  });

  test('gets until zero, and zero is final', () => {
    const count = make();
    expect(count.tryGet()).toBe(true);
    expect(count.value).toBe(2);
    expect(count.put()).toBe(false);
    expect(count.put()).toBe(true);
    expect(count.tryGet()).toBe(false);
    expect(count.value).toBe(0);
    expect(() => count.put()).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(count.value).toBe(0);
  });

  test('zero() resolves at the last put, ends by timeout and signal, and blocks nobody on the main thread', async () => {
    const count = make(2);
    await expect(count.zero({ timeout: 0 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await expect(count.zero({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(() => count.zeroSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }));
    const zero = Promise.all([count.zero(), RefCount.from(count.handle).zero()]);
    count.put();
    count.put();
    await zero;
    await count.zero({ timeout: 0 });
  });

  test('a blocked thread is woken by the last put', async () => {
    const count = make();
    const waiter = crew.start('refZero', { locks: [count] });
    await crew.ready(1);
    count.put();
    expect(await waiter.answer).toBe(0);
  });

  test('exactly one put is the last, among threads that get and put', async () => {
    for (let round = 1; round <= 3; round++) {
      const count = make();
      const members = [
        crew.start('refChurn', { locks: [count], rounds: 1e6 }),
        crew.start('refChurn', { locks: [count], rounds: 1e6 }),
      ];
      await crew.ready(2 * round);
      crew.open();
      const mine = count.put() ? 1 : 0;
      const last = (await Promise.all(members.map((member) => member.answer))) as number[];
      const sum = last.reduce((total, each) => total + each, mine);
      // Threads that overlap for all their rounds leave the count at zero in the end all the same.
      expect(sum).toBe(1);
      expect(count.value).toBe(0);
    }
  });
});

test('the references of a dead thread are dropped, and that may be the last', async () => {
  const count = space.refCount(1, 'references', { tracked: true });
  const holder = crew.start('refHold', { locks: [count], rounds: 3 });
  await crew.ready(1);
  expect(count.value).toBe(4);
  const zero = count.zero();
  expect(count.put()).toBe(false);
  await crew.kill(holder);
  await zero;
  expect(count.tryGet()).toBe(false);
});

test('untracked references of a dead thread stay', async () => {
  const count = space.refCount();
  const holder = crew.start('refHold', { locks: [count], rounds: 3 });
  await crew.ready(1);
  await crew.kill(holder);
  expect(count.value).toBe(4);
});

test('an embedded count is one word that the embedder sets', () => {
  const words = new Int32Array(new SharedArrayBuffer(64));
  words[5] = 1;
  const count = RefCount.at(words, 5);
  expect(count.tryGet()).toBe(true);
  expect([...words.subarray(4, 7)]).toEqual([0, 2, 0]);
});
