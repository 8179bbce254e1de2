/**
 * Writes down what is done in an execution: a row per step, in the words of `layout.ts`. The choice is written when it is
 * made, by the scheduler; what came of it when the thread has made the step. All with the token.
 */
import { threadOf } from './choices.js';
import {
  ALONE,
  AT_ASLEEP,
  AT_BUFFER,
  AT_CHOICE,
  AT_ENABLED,
  AT_FACETS,
  AT_KIND,
  AT_LAST,
  AT_LENGTH,
  AT_OFFSET,
  AT_OPERAND,
  AT_RESULT,
  AT_TURN_OVER,
  AT_WOKEN,
  LAST,
  SLEEP,
  STEP,
  stepRow,
  TURN_LIMIT,
} from './layout.js';
import { wakeChoices } from './sleeping-choices.js';

/** Begins the next step: which choices were possible, and which was made. */
export function recordChoice(words: Int32Array, choice: number, enabled: number): void {
  const row = stepRow(words[STEP]);
  words[STEP]++;
  words[row + AT_CHOICE] = choice;
  words[row + AT_ENABLED] = enabled;
  words[row + AT_ASLEEP] = words[SLEEP];
  words[row + AT_LAST] = words[LAST];
  words[row + AT_TURN_OVER] = words[ALONE] >= words[TURN_LIMIT] ? 1 : 0;
}

/** What the step just chosen has done. Wakes the sleeping choices that depend on it. */
export function recordStep(
  words: Int32Array,
  kind: number,
  facets: number,
  buffer: number,
  offset: number,
  length: number,
  woken: number,
): void {
  const row = stepRow(words[STEP] - 1);
  words[row + AT_KIND] = kind;
  words[row + AT_FACETS] = facets;
  words[row + AT_BUFFER] = buffer;
  words[row + AT_OFFSET] = offset;
  words[row + AT_LENGTH] = length;
  words[row + AT_WOKEN] = woken;
  words[row + AT_RESULT] = 0;
  words[row + AT_OPERAND] = 0;
  if (words[SLEEP] !== 0) wakeChoices(words, threadOf(words[row + AT_CHOICE]), facets, buffer, offset, length, woken);
}

/** What the step just recorded gave, and what it wrote or expected. */
export function recordValues(words: Int32Array, result: number, operand: number): void {
  const row = stepRow(words[STEP] - 1);
  words[row + AT_RESULT] = result;
  words[row + AT_OPERAND] = operand;
}

/** A step of the thread on turn that is no point to switch threads at: nobody was asked, and nothing depends on it. */
export function recordColdStep(
  words: Int32Array,
  thread: number,
  kind: number,
  buffer: number,
  offset: number,
  length: number,
): void {
  const row = stepRow(words[STEP]);
  words[STEP]++;
  words[row + AT_CHOICE] = thread;
  words[row + AT_ENABLED] = 1 << thread;
  words[row + AT_ASLEEP] = words[SLEEP];
  words[row + AT_LAST] = thread;
  words[row + AT_TURN_OVER] = 0;
  words[row + AT_KIND] = kind;
  words[row + AT_FACETS] = 0;
  words[row + AT_BUFFER] = buffer;
  words[row + AT_OFFSET] = offset;
  words[row + AT_LENGTH] = length;
  words[row + AT_WOKEN] = 0;
}
