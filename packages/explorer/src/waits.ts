/**
 * The waits that are pending in an execution, blocking and awaited ones: a table in the words of `layout.ts`, written with
 * the token. A wait is entered by its thread, granted by whoever notifies, and taken out by its thread again; granting
 * makes the thread ready, or gives its event loop a task.
 */
import {
  GRANTED,
  MAX_WAITERS,
  READY,
  STATUS,
  TASKS,
  threadRow,
  TICKETS,
  UNUSED,
  WAITER_ASYNC,
  WAITER_BUFFER,
  WAITER_OFFSET,
  WAITER_STATE,
  WAITER_THREAD,
  WAITER_TICKET,
  WAITER_VALUE,
  WAITER_VALUE_HIGH,
  WAITING,
  waiterRow,
} from './layout.js';

/** A wait that nobody has granted. */
export interface UngrantedWait {
  readonly thread: number;
  readonly buffer: number;
  readonly offset: number;
  /** What the word held when the wait began: low half. */
  readonly expected: number;
}

/** Enters a wait of a thread on a word that holds `value` (low half) and `high`. Returns its index. */
export function addWait(
  words: Int32Array,
  thread: number,
  buffer: number,
  offset: number,
  value: number,
  high: number,
  isAsync: boolean,
): number {
  for (let index = 0; index < MAX_WAITERS; index++) {
    const waiter = waiterRow(index);
    if (words[waiter + WAITER_STATE] !== UNUSED) continue;
    words[waiter + WAITER_STATE] = WAITING;
    words[waiter + WAITER_THREAD] = thread;
    words[waiter + WAITER_BUFFER] = buffer;
    words[waiter + WAITER_OFFSET] = offset;
    words[waiter + WAITER_TICKET] = ++words[TICKETS];
    words[waiter + WAITER_ASYNC] = isAsync ? 1 : 0;
    words[waiter + WAITER_VALUE] = value;
    words[waiter + WAITER_VALUE_HIGH] = high;
    return index;
  }
  throw new Error(`more than ${MAX_WAITERS} waits are pending`);
}

/** Grants the wait on a word that is pending for longest. Returns its thread, or -1 if there is none. */
export function grantOldest(words: Int32Array, buffer: number, offset: number): number {
  let oldest = -1;
  for (let index = 0; index < MAX_WAITERS; index++) {
    const waiter = waiterRow(index);
    if (words[waiter + WAITER_STATE] !== WAITING) continue;
    if (words[waiter + WAITER_BUFFER] !== buffer || words[waiter + WAITER_OFFSET] !== offset) continue;
    if (oldest < 0 || words[waiter + WAITER_TICKET] < words[oldest + WAITER_TICKET]) oldest = waiter;
  }
  if (oldest < 0) return -1;
  const thread = words[oldest + WAITER_THREAD];
  words[oldest + WAITER_STATE] = GRANTED;
  words[oldest + WAITER_TICKET] = ++words[TICKETS];
  if (words[oldest + WAITER_ASYNC] !== 0) words[threadRow(thread) + TASKS]++;
  else words[threadRow(thread) + STATUS] = READY;
  return thread;
}

/** Takes out the waits of a thread that has died. */
export function forgetWaits(words: Int32Array, thread: number): void {
  for (let index = 0; index < MAX_WAITERS; index++) {
    const waiter = waiterRow(index);
    if (words[waiter + WAITER_STATE] === WAITING && words[waiter + WAITER_THREAD] === thread)
      words[waiter + WAITER_STATE] = UNUSED;
  }
}

/** The waits that nobody has granted. */
export function ungrantedWaits(words: Int32Array): UngrantedWait[] {
  const found: UngrantedWait[] = [];
  for (let index = 0; index < MAX_WAITERS; index++) {
    const at = waiterRow(index);
    if (words[at + WAITER_STATE] !== WAITING) continue;
    found.push({
      thread: words[at + WAITER_THREAD],
      buffer: words[at + WAITER_BUFFER],
      offset: words[at + WAITER_OFFSET],
      expected: words[at + WAITER_VALUE],
    });
  }
  return found;
}
