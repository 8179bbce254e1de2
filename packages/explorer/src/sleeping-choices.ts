/**
 * Choices that sleep: another execution has tried them here, so they show nothing new until a step is made that depends on
 * them. Which ones fall asleep is said by the search (`search.ts`); each step that is recorded wakes some. With the token.
 */
import { KILL, threadOf, TIME } from './choices.js';
import {
  PENDING_BUFFER,
  PENDING_FACETS,
  PENDING_KIND,
  PENDING_LENGTH,
  PENDING_OFFSET,
  SLEEP,
  threadRow,
  TIMED_BUFFER,
  TIMED_OFFSET,
} from './layout.js';
import { CHANGES_QUEUE, facetsDepend, kindOf } from './operations.js';

const NOTIFY = kindOf('notify');

/** Wakes those that depend on a step of `actor` on these bytes, which woke the threads of the bits `woken`. */
export function wakeChoices(
  words: Int32Array,
  actor: number,
  facets: number,
  buffer: number,
  offset: number,
  length: number,
  woken: number,
): void {
  let sleep = words[SLEEP] & ~((1 << actor) | (1 << (KILL + actor)) | (1 << (TIME + actor)));
  sleep &= ~((woken << KILL) | (woken << TIME) | woken);
  for (let rest = sleep; rest !== 0; rest &= rest - 1) {
    const choice = 31 - Math.clz32(rest & -rest);
    const row = threadRow(threadOf(choice));
    let depends = false;
    if (choice < KILL) {
      depends =
        (facetsDepend(words[row + PENDING_FACETS], facets) &&
          words[row + PENDING_BUFFER] === buffer &&
          words[row + PENDING_OFFSET] < offset + length &&
          offset < words[row + PENDING_OFFSET] + words[row + PENDING_LENGTH]) ||
        // It may wake the same thread: the order of a thread's tasks matters.
        (woken !== 0 && words[row + PENDING_KIND] === NOTIFY);
    } else if (choice >= TIME) {
      depends =
        facetsDepend(CHANGES_QUEUE, facets) &&
        words[row + TIMED_BUFFER] === buffer &&
        words[row + TIMED_OFFSET] < offset + length &&
        offset < words[row + TIMED_OFFSET] + 4;
    }
    if (depends) sleep &= ~(1 << choice);
  }
  words[SLEEP] = sleep;
}
