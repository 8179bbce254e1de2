/**
 * What can be chosen at each point of an execution, as a number and as a bit of a mask. Used by the scheduler, which
 * chooses, and by the search, which says what to choose.
 */
import { MAX_THREADS } from './layout.js';

/**
 * A choice is one of: thread t makes its next step (t), thread t is killed (KILL + t), time passes for thread t (TIME + t).
 */
export const KILL = 8;
export const TIME = 16;
export const STEP_CHOICES = (1 << MAX_THREADS) - 1;
export const KILL_CHOICES = STEP_CHOICES << KILL;
export const TIME_CHOICES = STEP_CHOICES << TIME;

/** The thread that a choice is about. */
export function threadOf(choice: number): number {
  return choice & (MAX_THREADS - 1);
}
