/**
 * Deaths of explored threads, and the supervisor (the reaper), who is begun by each: it answers one death after the other.
 * With the token.
 */
import {
  ASLEEP,
  DEAD,
  DORMANT,
  KILLS_LEFT,
  PENDING_FACETS,
  PENDING_KIND,
  READY,
  REAPER,
  STATUS,
  threadRow,
  UNANSWERED,
  VICTIM,
  WAITER_BUFFER,
  WAITER_OFFSET,
  waiterRow,
  WAITS_IN,
} from './layout.js';
import { BEGIN, CHANGES_QUEUE, DIE } from './operations.js';
import { recordStep } from './trace.js';
import { forgetWaits } from './waits.js';

/** Kills a thread: the step just chosen. */
export function kill(words: Int32Array, thread: number): void {
  const row = threadRow(thread);
  const asleep = words[row + STATUS] === ASLEEP;
  let buffer = -1;
  let offset = 0;
  if (asleep) {
    const waiter = waiterRow(words[row + WAITS_IN]);
    buffer = words[waiter + WAITER_BUFFER];
    offset = words[waiter + WAITER_OFFSET];
  }
  words[row + STATUS] = DEAD;
  forgetWaits(words, thread);
  words[KILLS_LEFT]--;
  let woken = 0;
  if (words[REAPER] >= 0) {
    words[UNANSWERED] |= 1 << thread;
    woken = awakenReaper(words);
  }
  recordStep(words, DIE, buffer < 0 ? 0 : CHANGES_QUEUE, buffer, offset, 4, woken);
}

/** Has the reaper answer the next death, if it is at rest. Returns the bit of the thread that this woke. */
export function awakenReaper(words: Int32Array): number {
  const reaper = words[REAPER];
  const row = threadRow(reaper);
  if (words[UNANSWERED] === 0 || words[row + STATUS] !== DORMANT) return 0;
  const victim = 31 - Math.clz32(words[UNANSWERED] & -words[UNANSWERED]);
  words[UNANSWERED] &= ~(1 << victim);
  words[row + VICTIM] = victim;
  words[row + STATUS] = READY;
  words[row + PENDING_KIND] = BEGIN;
  words[row + PENDING_FACETS] = 0;
  return 1 << reaper;
}
