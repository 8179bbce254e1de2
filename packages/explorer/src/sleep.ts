/**
 * What `Atomics.wait` and `Atomics.notify` of an explored thread do beyond being steps: it sleeps until the scheduler gives it
 * its turn again, and wakes others. Called by `patched-atomics.ts`, with the token.
 */
import type { ExploredThread } from './explored-thread.js';
import {
  ASLEEP,
  EXPLAIN,
  READY,
  STATUS,
  TIMED,
  TIMED_BUFFER,
  TIMED_OFFSET,
  UNUSED,
  WAITER_STATE,
  waiterRow,
  WAITS_IN,
} from './layout.js';
import { CHANGES_QUEUE, kindOf, LOOKS_AT_QUEUE, RESUME, TIMEOUT } from './operations.js';
import { recordStep, recordValues } from './trace.js';
import { addWait, grantOldest } from './waits.js';

const NOTIFY = kindOf('notify');

/**
 * Puts the thread to sleep on a word that holds `value` (low half) and `high`, until it is notified or time passes. That it
 * waits is on record.
 */
export function sleep(
  thread: ExploredThread,
  buffer: number,
  offset: number,
  length: number,
  value: number,
  high: number,
  timeout: number,
): 'ok' | 'timed-out' {
  const { words, row, tasks } = thread;
  const waiter = addWait(words, thread.index, buffer, offset, value, high, false);
  words[row + WAITS_IN] = waiter;
  words[row + STATUS] = ASLEEP;
  const timed = timeout < Number.POSITIVE_INFINITY;
  words[row + TIMED] = timed ? 1 : 0;
  if (timed) {
    words[row + TIMED_BUFFER] = buffer;
    words[row + TIMED_OFFSET] = offset;
    tasks.clock.setDeadline(tasks.clock.after(timeout));
  }
  thread.turnToResume();
  words[waiterRow(waiter) + WAITER_STATE] = UNUSED;
  words[row + WAITS_IN] = -1;
  words[row + TIMED] = 0;
  const passed = thread.timePassed;
  if (passed) {
    words[row + STATUS] = READY;
    tasks.clock.pass();
    recordStep(words, TIMEOUT, CHANGES_QUEUE, buffer, offset, length, 0);
  } else recordStep(words, RESUME, 0, -1, 0, 0, 0);
  if (words[EXPLAIN] !== 0) thread.notePosition();
  return passed ? 'timed-out' : 'ok';
}

/** Wakes up to `count` waits on a word, oldest first, and records the notification. Returns how many there were. */
export function wake(thread: ExploredThread, buffer: number, offset: number, length: number, count: number): number {
  const { words } = thread;
  let woken = 0;
  let threads = 0;
  for (; woken < count; woken++) {
    const other = grantOldest(words, buffer, offset);
    if (other < 0) break;
    threads |= 1 << other;
  }
  // A notification counts as looking: what makes the word hot is that somebody else waits on it.
  if (!thread.cold)
    recordStep(words, NOTIFY, woken > 0 ? CHANGES_QUEUE : LOOKS_AT_QUEUE, buffer, offset, length, threads);
  recordValues(words, woken, count);
  return woken;
}
