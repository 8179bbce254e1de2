/**
 * One execution as it was: the steps in the order in which they were made, and how it ended. A copy, so that the next
 * execution may begin.
 */
import { threadOf } from './choices.js';
import {
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
  CUT,
  FAILED_THREAD,
  NEWLY_HOT,
  REDUNDANT_AT,
  RESULT,
  STEP,
  STEP_WORDS,
  TRACE,
} from './layout.js';

/** An execution. Steps are numbered from 0. */
export class Execution {
  readonly length: number;
  /** One of the values of RESULT in `layout.ts`. */
  readonly result: number;
  /** The step from which on everything was known from other executions, or the number of steps. */
  readonly newUntil: number;
  /** Bit per thread that had to be unwound. */
  readonly cut: number;
  /** The thread whose error ended it, -1 for none. */
  readonly failedThread: number;
  /** True if a step touched something that was not known to be shared: the search is to begin anew. */
  readonly newlyHot: boolean;
  readonly #steps: Int32Array;

  constructor(words: Int32Array) {
    this.length = words[STEP];
    this.result = words[RESULT];
    this.newUntil = words[REDUNDANT_AT] < 0 ? this.length : words[REDUNDANT_AT];
    this.cut = words[CUT];
    this.newlyHot = words[NEWLY_HOT] !== 0;
    this.failedThread = words[FAILED_THREAD];
    this.#steps = words.slice(TRACE, TRACE + this.length * STEP_WORDS);
  }

  /** True if a step was an operation on explored memory. */
  get touchesMemory(): boolean {
    for (let step = 0; step < this.length; step++) if (this.buffer(step) >= 0) return true;
    return false;
  }

  choice(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_CHOICE];
  }

  /** The thread that made the step, or that died in it. */
  thread(step: number): number {
    return threadOf(this.choice(step));
  }

  kind(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_KIND];
  }

  facets(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_FACETS];
  }

  buffer(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_BUFFER];
  }

  offset(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_OFFSET];
  }

  byteLength(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_LENGTH];
  }

  given(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_RESULT];
  }

  operand(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_OPERAND];
  }

  /** Choices that were possible before the step. */
  enabled(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_ENABLED];
  }

  /** Choices that were asleep before the step. */
  asleep(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_ASLEEP];
  }

  /** Bit per thread that the step woke. */
  woken(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_WOKEN];
  }

  /** The thread that had made the step before, -1 before the first. */
  last(step: number): number {
    return this.#steps[step * STEP_WORDS + AT_LAST];
  }

  /** True if that thread had had the turn for so long that a change costs nothing. */
  turnOver(step: number): boolean {
    return this.#steps[step * STEP_WORDS + AT_TURN_OVER] !== 0;
  }

  /** All choices, for playing the execution again. */
  choices(): number[] {
    return Array.from({ length: this.length }, (_, step) => this.choice(step));
  }
}
