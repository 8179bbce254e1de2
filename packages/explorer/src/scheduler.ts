/**
 * The scheduler: decides which choice is made next. It is no thread: whoever holds the token runs it, on the words of
 * `layout.ts`, so that going on with the same thread costs no hand-over. Used by explored threads and, for the first
 * choice of an execution, by the controller.
 */
import { KILL_CHOICES, STEP_CHOICES, threadOf, TIME_CHOICES } from './choices.js';
import type { ControlMemory } from './control-memory.js';
import { kill } from './deaths.js';
import {
  ALONE,
  DIVERGED,
  ENDLESS,
  FINISHED,
  LAST,
  PLAN_LENGTH,
  PLANNED_SLEEP,
  RESULT,
  SLEEP,
  STEP,
  STEP_LIMIT,
  STUCK,
} from './layout.js';
import { nextChoice } from './next-choice.js';
import { allOut, possibleChoices } from './possible-choices.js';
import { endExecution } from './token.js';
import { recordChoice } from './trace.js';

/** Makes choices until one gives the turn to a thread. Returns that thread, or -1 when the execution is over. */
export function choose(memory: ControlMemory): number {
  const { words } = memory;
  while (words[RESULT] === 0) {
    const enabled = possibleChoices(words);
    if (words[STEP] === words[PLAN_LENGTH] - 1) words[SLEEP] = words[PLANNED_SLEEP];
    if ((enabled & (STEP_CHOICES | TIME_CHOICES)) === 0) {
      endExecution(words, allOut(words) ? FINISHED : STUCK);
      break;
    }
    if (words[STEP] >= words[STEP_LIMIT]) {
      endExecution(words, ENDLESS);
      break;
    }
    const choice = nextChoice(memory, enabled);
    if (choice < 0) {
      endExecution(words, DIVERGED);
      break;
    }
    recordChoice(words, choice, enabled);
    const thread = threadOf(choice);
    if ((KILL_CHOICES & (1 << choice)) !== 0) {
      kill(words, thread);
      continue;
    }
    const others = enabled & STEP_CHOICES & ~(1 << thread);
    words[ALONE] = thread === words[LAST] && others !== 0 ? words[ALONE] + 1 : 0;
    words[LAST] = thread;
    return thread;
  }
  return -1;
}
