/** Which choices are possible at a point of an execution. Asked by the scheduler before each choice, with the token. */
import { KILL, TIME } from './choices.js';
import {
  AWAITING,
  DEAD,
  DORMANT,
  ENDED,
  KILLS_LEFT,
  MORTALS,
  PENDING_KIND,
  READY,
  STATUS,
  TASKS,
  THREADS,
  threadRow,
  TIMED,
} from './layout.js';
import { BEGIN } from './operations.js';

/** True of a thread that has nothing more to do, unless somebody dies. */
function isOut(status: number): boolean {
  return status === ENDED || status === DEAD || status === DORMANT;
}

/** The choices that are possible now, as bits. */
export function possibleChoices(words: Int32Array): number {
  const mayDie = words[KILLS_LEFT] > 0;
  let mask = 0;
  for (let thread = 0; thread < words[THREADS]; thread++) {
    const row = threadRow(thread);
    const status = words[row + STATUS];
    if (isOut(status)) continue;
    if (status === READY || (status === AWAITING && words[row + TASKS] > 0)) mask |= 1 << thread;
    if (status !== READY && words[row + TIMED] !== 0) mask |= 1 << (TIME + thread);
    const begun = words[row + PENDING_KIND] !== BEGIN || status !== READY;
    if (mayDie && begun && (words[MORTALS] & (1 << thread)) !== 0) mask |= 1 << (KILL + thread);
  }
  return mask;
}

/** True if nobody is left in the middle of something. */
export function allOut(words: Int32Array): boolean {
  for (let thread = 0; thread < words[THREADS]; thread++) {
    if (!isOut(words[threadRow(thread) + STATUS])) return false;
  }
  return true;
}
