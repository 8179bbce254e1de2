/** Deaths in the middle of an operation: the words as a thread leaves them after each of its steps. */
import { describe, expect, test, vi } from 'vitest';
import {
  givePermits,
  giveReference,
  initializeLedger,
  LEDGER_WORDS,
  recoverLedger,
  shareOf,
  takePermits,
  takeReference,
  takesThatMet,
} from '#dist/sync/ledger.js';
import fc from 'fast-check';

const DYING = 7;
const LIVING = 9;
const BASE = 1;
const UNSETTLED = 3;
const COLUMNS = 4;
const share = (thread: number): number => COLUMNS + thread * 2;
const sequence = (thread: number): number => COLUMNS + thread * 2 + 1;

function ledger(initial: number): Int32Array {
  const words = new Int32Array(new SharedArrayBuffer(LEDGER_WORDS * 4));
  initializeLedger(words, 0, initial);
  return words;
}

describe('permits', () => {
  test.each([
    ['before the value', 0, 0],
    ['after the value, before the share', 2, 0],
    ['after the share', 2, 2],
  ])('a death in a take, %s: all come back', (_moment, taken, recorded) => {
    const words = ledger(5);
    takePermits(words, 0, LIVING, 1);
    words[sequence(DYING)] = 1;
    words[0] = 4 - taken;
    words[share(DYING)] = recorded;
    recoverLedger(words, 0, DYING, -1, () => {});
    expect(words[0]).toBe(4);
    expect(words[UNSETTLED]).toBe(0);
    expect(words[sequence(DYING)]! & 1).toBe(0);
    givePermits(words, 0, LIVING, 1);
    expect(words[0]).toBe(5);
  });

  test.each([
    ['before anything', 0, 0, 0],
    ['after the base', 1, 0, 0],
    ['after the share', 1, 2, 0],
    ['after the value', 1, 2, 3],
  ])('a death in a release of 2 own and 1 foreign, %s: never too many', (_moment, base, own, value) => {
    const words = ledger(5);
    takePermits(words, 0, LIVING, 1);
    takePermits(words, 0, DYING, 2);
    words[sequence(DYING)] = 5;
    words[BASE]! += base;
    words[share(DYING)]! -= own;
    words[0]! += value;
    recoverLedger(words, 0, DYING, -1, () => {});
    expect(words[0]).toBeGreaterThanOrEqual(4);
    expect(words[0]).toBeLessThanOrEqual(5);
  });

  test('while another thread is in the middle, the audit waits, and is done at the next occasion', () => {
    const words = ledger(5);
    words[sequence(DYING)] = 1;
    words[0] = 3;
    words[sequence(LIVING)] = 1;
    recoverLedger(words, 0, DYING, -1, () => {});
    expect(words[UNSETTLED]).toBe(1);
    expect(words[0]).toBe(3);
    words[sequence(LIVING)] = 2;
    recoverLedger(words, 0, 11, -1, () => {});
    expect(words[UNSETTLED]).toBe(0);
    expect(words[0]).toBe(5);
  });

  test('the audit that had to wait comes by itself', async () => {
    const words = ledger(5);
    words[sequence(DYING)] = 1;
    words[0] = 3;
    words[sequence(LIVING)] = 1;
    const settled = new Promise<void>((resolve) => {
      recoverLedger(words, 0, DYING, -1, resolve);
    });
    words[sequence(LIVING)] = 2;
    await settled;
    expect(words[0]).toBe(5);
  });

  test('for any history the value is the base less the shares, and deaths return at most what is out', () => {
    const step = fc.record({
      thread: fc.integer({ min: 0, max: 3 }),
      action: fc.constantFrom('take', 'give', 'die'),
      amount: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const words = ledger(6);
        // Gives back only what is out, by any thread: the use under which a semaphore of 6 must stay one of 6.
        for (const { thread, action, amount } of steps) {
          if (action === 'take') takePermits(words, 0, thread, amount);
          else if (action === 'give' && words[0]! + amount <= 6) givePermits(words, 0, thread, amount);
          else if (action === 'die') recoverLedger(words, 0, thread, -1, () => {});
          const shares = [0, 1, 2, 3].reduce((sum, each) => sum + shareOf(words, 0, each), 0);
          expect(words[0]).toBe(words[BASE]! - shares);
          expect(words[0]).toBeGreaterThanOrEqual(0);
          expect(words[0]).toBeLessThanOrEqual(6);
        }
      }),
    );
  });
});

describe('references', () => {
  test.each([
    ['after the value, before the share', 1, 0],
    ['after the share', 1, 1],
  ])('a death in a get, %s: the reference is dropped', (_moment, value, recorded) => {
    const words = ledger(1);
    words[sequence(DYING)] = 1;
    words[0]! += value;
    words[share(DYING)] = recorded;
    recoverLedger(words, 0, DYING, 1, () => {});
    expect(words[0]).toBe(1);
  });

  test.each([
    ['after the share, before the value', 1, 0],
    ['after the value', 1, 1],
  ])('a death in a put, %s: the put is completed, a zero stays zero', (_moment, recorded, value) => {
    const words = ledger(1);
    takeReference(words, 0, DYING);
    giveReference(words, 0, LIVING);
    expect(words[0]).toBe(1);
    words[sequence(DYING)] = 3;
    words[share(DYING)]! -= recorded;
    words[0]! -= value;
    recoverLedger(words, 0, DYING, 1, () => {});
    expect(words[0]).toBe(0);
    expect(takeReference(words, 0, LIVING)).toBe(false);
  });

  test('a reference that another thread has put is not dropped again', () => {
    const words = ledger(0);
    words[0] = 1;
    words[BASE] = 1;
    takeReference(words, 0, DYING);
    takeReference(words, 0, LIVING);
    giveReference(words, 0, 12);
    giveReference(words, 0, 12);
    expect(words[0]).toBe(1);
    recoverLedger(words, 0, DYING, 1, () => {});
    expect(words[0]).toBe(1);
  });
});

test.each([
  ['permit', takePermits, 3],
  ['reference', takeReference, 7],
] as const)('a take of a %s that meets another thread’s is counted, once', (_kind, take, after) => {
  const words = ledger(3);
  take(words, 0, LIVING, 1);
  expect(takesThatMet(words, 0)).toBe(0);
  // Another thread comes in between, twice.
  const another = () => ++words[0]!;
  const atomics: { compareExchange(words: Int32Array, at: number, expected: number, next: number): number } = Atomics;
  const swap = vi.spyOn(atomics, 'compareExchange').mockImplementationOnce(another).mockImplementationOnce(another);
  expect(take(words, 0, LIVING, 1)).toBe(true);
  swap.mockRestore();
  expect(words[0]).toBe(after);
  expect(takesThatMet(words, 0)).toBe(1);
});
