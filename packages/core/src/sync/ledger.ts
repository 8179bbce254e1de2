/**
 * A counter that knows which thread took what, so that a dead thread's share can be given back exactly.
 * Used by `Semaphore` (value = base - sum of shares) and by the tracked `RefCount` (value = base + sum of shares).
 *
 * Owner rules. `value`: anybody, by compare-and-swap or add. `base`: anybody, by add; it stands for what no thread has a
 * share in. `share[t]` and `sequence[t]`: thread t only, or its recovery. `sequence[t]` is odd while t is in the middle
 * of an operation, that is while `value` may disagree with the rest. Operations write in such an order that a death in
 * the middle leaves at worst too small a value of a semaphore, which the audit puts right: it reads everything between
 * two equal, even readings of all sequences and sets `value` to the sum by compare-and-swap.
 *
 * What is given back by a thread that has no (or too small a) share goes to `base`. When a thread dies, that much of its
 * share is taken to have been given back on its behalf: a semaphore never admits too many, a reference is never dropped
 * twice.
 *
 * `met` counts the takes that lost a compare-and-swap to another thread's: anybody, by add, off the fast path.
 */
import { availableParallelism } from 'node:os';
import { MAX_THREADS } from './threads.js';

const VALUE = 0;
const BASE = 1;
const INITIAL = 2;
const UNSETTLED = 3;
const COLUMNS = 4;
const SHARE = 0;
const SEQUENCE = 1;
const STRIDE = 2;
const MET = COLUMNS + MAX_THREADS * STRIDE;
/** Words of a ledger. */
export const LEDGER_WORDS = MET + 1;
/** The largest value of a counter. */
export const LARGEST_VALUE = 1 << 30;

/**
 * Readings that an audit takes at once before it lets the event loop go on and tries again. Where there is one core, whom
 * it waits for does not go on meanwhile.
 */
const AUDIT_ATTEMPTS = availableParallelism() > 1 ? 1000 : 1;

/** How shares count: permits taken from the value, or references added to it. */
export type LedgerSign = -1 | 1;

/** Sets up the ledger at `offset`, which nobody else sees yet. */
export function initializeLedger(words: Int32Array, offset: number, value: number): void {
  words[offset + VALUE] = value;
  words[offset + BASE] = value;
  words[offset + INITIAL] = value;
}

/** Takes `amount` permits for `thread` if there are that many. */
export function takePermits(words: Int32Array, offset: number, thread: number, amount: number): boolean {
  if (Atomics.load(words, offset) < amount) return false;
  const column = offset + COLUMNS + thread * STRIDE;
  const sequence = words[column + SEQUENCE];
  Atomics.store(words, column + SEQUENCE, sequence + 1);
  let taken = false;
  let met = false;
  for (let value = Atomics.load(words, offset); value >= amount; ) {
    const previous = Atomics.compareExchange(words, offset, value, value - amount);
    if (previous === value) {
      words[column + SHARE] += amount;
      taken = true;
      break;
    }
    met = true;
    value = previous;
  }
  Atomics.store(words, column + SEQUENCE, sequence + 2);
  if (met) Atomics.add(words, offset + MET, 1);
  return taken;
}

/** Gives `amount` permits back. False, and nothing done, if the value would pass the largest one. */
export function givePermits(words: Int32Array, offset: number, thread: number, amount: number): boolean {
  const column = offset + COLUMNS + thread * STRIDE;
  if (Atomics.load(words, offset) > LARGEST_VALUE - amount) return false;
  const sequence = words[column + SEQUENCE];
  const share = words[column + SHARE];
  const own = Math.min(amount, share);
  Atomics.store(words, column + SEQUENCE, sequence + 1);
  if (own < amount) Atomics.add(words, offset + BASE, amount - own);
  words[column + SHARE] = share - own;
  Atomics.add(words, offset, amount);
  Atomics.store(words, column + SEQUENCE, sequence + 2);
  return true;
}

/** Adds a reference for `thread` unless the value is zero or as large as it can be. */
export function takeReference(words: Int32Array, offset: number, thread: number): boolean {
  const column = offset + COLUMNS + thread * STRIDE;
  const sequence = words[column + SEQUENCE];
  Atomics.store(words, column + SEQUENCE, sequence + 1);
  let taken = false;
  let met = false;
  for (let value = Atomics.load(words, offset); value > 0 && value < LARGEST_VALUE; ) {
    const previous = Atomics.compareExchange(words, offset, value, value + 1);
    if (previous === value) {
      words[column + SHARE] += 1;
      taken = true;
      break;
    }
    met = true;
    value = previous;
  }
  Atomics.store(words, column + SEQUENCE, sequence + 2);
  if (met) Atomics.add(words, offset + MET, 1);
  return taken;
}

/**
 * Drops a reference of `thread`, or one that belongs to no thread. Returns the value before, 0 if there was none.
 * The share goes before the value: a death in between is completed by the audit and can not bring a zero back to life.
 */
export function giveReference(words: Int32Array, offset: number, thread: number): number {
  if (Atomics.load(words, offset) <= 0) return 0;
  const column = offset + COLUMNS + thread * STRIDE;
  const sequence = words[column + SEQUENCE];
  Atomics.store(words, column + SEQUENCE, sequence + 1);
  if (words[column + SHARE] > 0) words[column + SHARE] -= 1;
  else Atomics.sub(words, offset + BASE, 1);
  const before = Atomics.sub(words, offset, 1);
  Atomics.store(words, column + SEQUENCE, sequence + 2);
  return before;
}

/** Takes so far, successful or not, that met another thread's. */
export function takesThatMet(words: Int32Array, offset: number): number {
  return Atomics.load(words, offset + MET);
}

/** What `thread` has a share in. */
export function shareOf(words: Int32Array, offset: number, thread: number): number {
  return Atomics.load(words, offset + COLUMNS + thread * STRIDE + SHARE);
}

/**
 * Gives the dead thread's share back and, if it died in the middle of an operation, has the value audited.
 * `settled` is called after every change of the value, at once or later (under heavy traffic the audit is repeated).
 */
export function recoverLedger(
  words: Int32Array,
  offset: number,
  thread: number,
  sign: LedgerSign,
  settled: () => void,
): void {
  const column = offset + COLUMNS + thread * STRIDE;
  if ((Atomics.load(words, column + SEQUENCE) & 1) !== 0) {
    Atomics.store(words, offset + UNSETTLED, 1);
    Atomics.add(words, column + SEQUENCE, 1);
  }
  if (Atomics.load(words, offset + UNSETTLED) !== 0) settle(words, offset, sign, settled);
  const share = Atomics.load(words, column + SHARE);
  if (share === 0) return;
  // Odd while the three words change, so that an audit of another supervisor does not see them half-changed.
  Atomics.add(words, column + SEQUENCE, 1);
  const base = Atomics.load(words, offset + BASE);
  const givenBackElsewhere = sign < 0 ? base - Atomics.load(words, offset + INITIAL) : -base;
  const forgiven = Math.min(share, Math.max(0, givenBackElsewhere));
  Atomics.store(words, column + SHARE, 0);
  if (forgiven !== 0) Atomics.add(words, offset + BASE, sign * forgiven);
  if (share !== forgiven) Atomics.sub(words, offset, sign * (share - forgiven));
  Atomics.add(words, column + SEQUENCE, 1);
  settled();
}

function settle(words: Int32Array, offset: number, sign: LedgerSign, settled: () => void): void {
  for (let attempt = 0; attempt < AUDIT_ATTEMPTS; attempt++) {
    if (audit(words, offset, sign)) {
      Atomics.store(words, offset + UNSETTLED, 0);
      settled();
      return;
    }
  }
  setImmediate(() => settle(words, offset, sign, settled)).unref();
}

function audit(words: Int32Array, offset: number, sign: LedgerSign): boolean {
  const sequences = new Int32Array(MAX_THREADS);
  for (let thread = 0; thread < MAX_THREADS; thread++) {
    const sequence = Atomics.load(words, offset + COLUMNS + thread * STRIDE + SEQUENCE);
    if ((sequence & 1) !== 0) return false;
    sequences[thread] = sequence;
  }
  const value = Atomics.load(words, offset);
  let sum = Atomics.load(words, offset + BASE);
  for (let thread = 0; thread < MAX_THREADS; thread++) sum += sign * shareOf(words, offset, thread);
  for (let thread = 0; thread < MAX_THREADS; thread++) {
    if (Atomics.load(words, offset + COLUMNS + thread * STRIDE + SEQUENCE) !== sequences[thread]) return false;
  }
  return Atomics.compareExchange(words, offset, value, sum) === value;
}
