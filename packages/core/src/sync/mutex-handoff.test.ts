/** The steps of handing a mutex over, one by one, with the words of the other threads written by hand. */
import { currentThread, Mutex } from '@mediated/core/sync';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  GRANTED,
  HANDOFFS,
  HEIR,
  OWNER_DEAD,
  OWNER_DEATHS,
  QUEUE,
  recoverMutex,
  STATE,
} from '#dist/sync/mutex-words.js';
import { setThreadBit } from '#dist/sync/local-queue.js';

const me = currentThread() + 1;
const OTHER_THREAD = 40;
const other = OTHER_THREAD + 1;

let words: Int32Array<SharedArrayBuffer>;
let mutex: Mutex;

beforeEach(() => {
  words = new Int32Array(new SharedArrayBuffer(64));
  mutex = Mutex.at(words, 0);
});

describe('the heir', () => {
  test('a waiter that lost four times enters its id; three times it does not', () => {
    words[STATE] = other;
    expect(mutex.attempt(1, 3)).toBe(false);
    expect(words[HEIR]).toBe(0);
    expect(mutex.attempt(1, 4)).toBe(false);
    expect(words[HEIR]).toBe(me);
  });

  test('there is one heir at a time', () => {
    words[STATE] = 30;
    words[HEIR] = other;
    expect(mutex.attempt(1, 9)).toBe(false);
    expect(words[HEIR]).toBe(other);
  });

  test('only the heir takes what was granted', () => {
    words[STATE] = GRANTED | other;
    expect(mutex.tryLock()).toBe(false);
    expect(mutex.attempt(1, 0)).toBe(false);
    expect(mutex.owner).toBe(-1);
    words[STATE] = GRANTED | me;
    words[HEIR] = me;
    expect(mutex.held).toBe(false);
    expect(mutex.attempt(1, 0)).toBe(true);
    expect(mutex.held).toBe(true);
    expect(words[HEIR]).toBe(0);
  });

  test('a release grants to the heir', () => {
    mutex.tryLock();
    words[HEIR] = other;
    mutex.unlock();
    expect(words[STATE]).toBe(GRANTED | other);
    expect(words[HANDOFFS]).toBe(1);
  });

  test('an heir that gives up takes the grant back, and wakes the others', async () => {
    words[STATE] = GRANTED | me;
    words[HEIR] = me;
    mutex.withdraw();
    expect(words[STATE]).toBe(0);
    expect(words[HEIR]).toBe(0);
  });

  test('a waiter that is no heir withdraws nothing', () => {
    words[STATE] = GRANTED | other;
    words[HEIR] = other;
    mutex.withdraw();
    expect(words[STATE]).toBe(GRANTED | other);
    expect(words[HEIR]).toBe(other);
  });

  test('a waiting heir that times out leaves the mutex to others', async () => {
    words[STATE] = other;
    words[HEIR] = me;
    await expect(mutex.lock({ timeout: 0 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(words[HEIR]).toBe(0);
  });
});

describe('recovery', () => {
  test('of an owner leaves OWNER_DEAD; quietly when asked to', () => {
    words[STATE] = other;
    expect(recoverMutex(words, 0, OTHER_THREAD, true)).toBe(true);
    expect(words[STATE]).toBe(OWNER_DEAD);
    words[STATE] = other;
    expect(recoverMutex(words, 0, OTHER_THREAD, false)).toBe(true);
    expect(words[STATE]).toBe(0);
    expect(words[OWNER_DEATHS]).toBe(2);
  });

  test('of an owner that had not mended what another left keeps the mark', () => {
    words[STATE] = other | OWNER_DEAD;
    recoverMutex(words, 0, OTHER_THREAD, true);
    expect(words[STATE]).toBe(OWNER_DEAD);
  });

  test('of an heir takes the grant back: nothing was half-done', () => {
    words[STATE] = GRANTED | other;
    words[HEIR] = other;
    expect(recoverMutex(words, 0, OTHER_THREAD, true)).toBe(false);
    expect(words[STATE]).toBe(0);
    expect(words[HEIR]).toBe(0);
  });

  test('of a granter that died before it saw that its heir had given up takes the grant back and wakes who waits', () => {
    const granter = OTHER_THREAD + 1;
    words[STATE] = GRANTED | other;
    setThreadBit(words, QUEUE, OTHER_THREAD + 2);
    const wakes = words[QUEUE + 2];
    expect(recoverMutex(words, 0, granter, true)).toBe(false);
    expect(words[STATE]).toBe(0);
    expect(words[QUEUE + 2]).toBe(wakes + 1);
  });

  test('of a bystander leaves a grant to an heir that still waits', () => {
    words[STATE] = GRANTED | other;
    words[HEIR] = other;
    expect(recoverMutex(words, 0, OTHER_THREAD + 1, true)).toBe(false);
    expect(words[STATE]).toBe(GRANTED | other);
  });

  test('of a bystander changes nothing but its bit', () => {
    mutex.tryLock();
    setThreadBit(words, QUEUE, OTHER_THREAD);
    expect(mutex.stats().waiting).toBe(1);
    expect(recoverMutex(words, 0, OTHER_THREAD, true)).toBe(false);
    expect(mutex.held).toBe(true);
    expect(mutex.stats().waiting).toBe(0);
  });

  test('an owner that grants to an heir recovered meanwhile takes the grant back itself', () => {
    mutex.tryLock();
    // The heir word vanishes between the granter's first and second look: played by a proxy of recovery in the store.
    words[HEIR] = other;
    const store = Atomics.store;
    Atomics.store = ((array: Int32Array, index: number, value: number) => {
      const result = store(array, index, value);
      if (value === (GRANTED | other)) Atomics.compareExchange(words, HEIR, other, 0);
      return result;
    }) as typeof Atomics.store;
    try {
      mutex.unlock();
    } finally {
      Atomics.store = store;
    }
    expect(words[STATE]).toBe(0);
  });
});
