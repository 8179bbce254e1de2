/**
 * An explored thread's side of the game: every operation on shared memory first asks the scheduler whose turn it is.
 * One per worker; `patched-atomics.ts` and `patched-time.ts` lead the code under test here. All shared words are those of
 * `layout.ts` and are touched only while this thread has the token.
 */
import { TIME } from './choices.js';
import { isHot } from './cells.js';
import { type ControlMemory, ERROR_BYTES } from './control-memory.js';
import { awakenReaper } from './deaths.js';
import { untilSettled } from './event-loop.js';
import {
  ABORT,
  AT_CHOICE,
  CUT,
  DEAD,
  DORMANT,
  ENDED,
  ERROR_LENGTH,
  EXPLAIN,
  FAILED,
  FAILED_THREAD,
  LEFT_BEHIND,
  LEFTOVERS,
  PENDING_BUFFER,
  PENDING_FACETS,
  PENDING_KIND,
  PENDING_LENGTH,
  PENDING_OFFSET,
  REAPER,
  SEED,
  STATUS,
  STEP,
  stepRow,
  threadRow,
  VICTIM,
} from './layout.js';
import { BEGIN, CHANGES_QUEUE, kindOf, RESUME, WRITES } from './operations.js';
import { type AtomicArray, or } from './real-atomics.js';
import { choose } from './scheduler.js';
import { Tasks } from './tasks.js';
import { comeToRest, endExecution, giveToken, loseThread, takeToken } from './token.js';
import { recordColdStep, recordStep } from './trace.js';
import { unwind } from './unwind.js';

/** Swallowed so often, the code under test cannot be unwound. */
const SWALLOWED_LIMIT = 10_000;

/** Where a step stands in the source. */
export interface Position {
  readonly step: number;
  readonly stack: string;
}

const NOTIFY = kindOf('notify');

/** The explored thread that this worker plays. */
export class ExploredThread {
  readonly index: number;
  readonly words: Int32Array;
  /** First word of this thread's row. */
  readonly row: number;
  readonly tasks: Tasks;
  /** Where the steps of this execution stand, when that is asked for. */
  positions: Position[] = [];
  readonly #memory: ControlMemory;
  readonly #buffers = new WeakMap<object, number>();
  #running = false;
  #quiet = 0;
  #cold = false;
  #unwinding = false;
  #swallowed = 0;
  readonly #exit = process.exit.bind(process);

  constructor(index: number, memory: ControlMemory, buffers: readonly SharedArrayBuffer[]) {
    this.index = index;
    this.words = memory.words;
    this.row = threadRow(index);
    this.tasks = new Tasks(memory, index);
    this.#memory = memory;
    for (const [number, buffer] of buffers.entries()) this.#buffers.set(buffer, number);
  }

  /** True while operations are steps: an execution is on and the code under test has the turn. */
  get running(): boolean {
    return this.#running;
  }

  /** True while this thread unwinds, or after it has: the code under test has no effect any more. */
  get unwinding(): boolean {
    return this.#unwinding;
  }

  /** True if the step entered last is no point to switch threads at. */
  get cold(): boolean {
    return this.#cold;
  }

  /** True if the step just chosen is that time passes for this thread. */
  get timePassed(): boolean {
    return this.words[stepRow(this.words[STEP] - 1) + AT_CHOICE] === TIME + this.index;
  }

  /** The number of the memory an array lies in, -1 for memory that is not explored. */
  bufferOf(array: AtomicArray): number {
    return this.#buffers.get(array.buffer) ?? -1;
  }

  /** Runs something whose operations are no steps of their own. */
  quietly<T>(body: () => T): T {
    this.#quiet++;
    try {
      return body();
    } finally {
      this.#quiet--;
    }
  }

  /** True if an operation on this memory is a step. Throws when the code under test is to unwind. */
  isStep(buffer: number): boolean {
    if (this.#unwinding) {
      if (++this.#swallowed > SWALLOWED_LIMIT) this.#giveUp();
      throw unwind;
    }
    return this.#running && this.#quiet === 0 && buffer >= 0;
  }

  /** Waits for this thread's turn to make a step. The step is on record, without what it does, when this returns. */
  enter(kind: number, facets: number, buffer: number, offset: number, length: number): void {
    const { words, row } = this;
    const changes = kind !== NOTIFY && (facets & (WRITES | CHANGES_QUEUE)) !== 0;
    this.#cold = !isHot(this.#memory, this.index, changes, buffer, offset, length);
    if (this.#cold) {
      recordColdStep(words, this.index, kind, buffer, offset, length);
      return;
    }
    words[row + PENDING_KIND] = kind;
    words[row + PENDING_FACETS] = facets;
    words[row + PENDING_BUFFER] = buffer;
    words[row + PENDING_OFFSET] = offset;
    words[row + PENDING_LENGTH] = length;
    this.turn();
    if (words[EXPLAIN] !== 0) this.notePosition();
  }

  /** Records what the step does that was entered last. */
  record(kind: number, facets: number, buffer: number, offset: number, length: number): void {
    if (!this.#cold) recordStep(this.words, kind, facets, buffer, offset, length, 0);
  }

  /** Lets the scheduler choose, and returns when it has chosen this thread. Throws when the thread is to unwind. */
  turn(): void {
    const { words } = this;
    const next = choose(this.#memory);
    if (next === this.index) return;
    if (next >= 0) giveToken(words, next);
    takeToken(words, this.index);
    if (words[ABORT] !== 0 || words[this.row + STATUS] === DEAD) {
      this.#unwinding = true;
      throw unwind;
    }
  }

  /** The same for what is no operation: the thread goes on when it was woken, or begins a task. */
  turnToResume(): void {
    this.words[this.row + PENDING_KIND] = RESUME;
    this.words[this.row + PENDING_FACETS] = 0;
    this.turn();
  }

  /** Notes where the step just made stands in the source. */
  notePosition(): void {
    this.positions.push({ step: this.words[STEP] - 1, stack: new Error('here').stack ?? '' });
  }

  /**
   * Plays one execution: `body` is what the thread does, `after` what is checked when it has ended, without steps.
   * Called when the thread has the token for the first time. Returns when the execution is over for this thread.
   */
  async play(body: (victim: number) => unknown, after: () => void): Promise<void> {
    const { words, row } = this;
    this.positions = [];
    this.#quiet = 0;
    this.#swallowed = 0;
    this.#unwinding = false;
    this.tasks.reset(words[SEED] + this.index);
    words[row + PENDING_KIND] = RESUME;
    words[row + PENDING_FACETS] = 0;
    recordStep(words, BEGIN, 0, -1, 0, 0, 0);
    this.#running = true;
    try {
      const result = body(words[row + VICTIM]);
      if (isThenable(result) || this.tasks.hasImmediates) await untilSettled(this, Promise.resolve(result));
    } catch (error) {
      if (error !== unwind && !this.#unwinding) this.fail(error);
    }
    if (!this.#unwinding) {
      try {
        this.quietly(after);
      } catch (error) {
        this.fail(error, LEFT_BEHIND);
      }
    }
    this.#running = false;
    if (this.tasks.pending) or(words, LEFTOVERS, 1 << this.index);
    if (this.#unwinding) {
      or(words, CUT, 1 << this.index);
      comeToRest(words);
    } else this.#end();
  }

  /**
   * Lets the continuations of what is still awaited run, to unwind at their next operation, so that no later execution meets
   * them. Between executions, when the memory has been looked at: what they do before that counts for nothing.
   */
  async cleanUp(): Promise<void> {
    await this.tasks.abandon();
    comeToRest(this.words);
  }

  /** Ends the execution with an error of the code under test. */
  fail(error: unknown, result = FAILED): void {
    const { words } = this;
    if (words[ABORT] !== 0) return;
    words[FAILED_THREAD] = this.index;
    words[this.row + STATUS] = ENDED;
    const text = error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);
    const bytes = new TextEncoder().encode(text).subarray(0, ERROR_BYTES);
    this.#memory.error.set(bytes);
    words[ERROR_LENGTH] = bytes.length;
    endExecution(words, result);
    this.#unwinding = true;
  }

  /** The code under test swallows what is thrown to end it, and goes on for ever. */
  #giveUp(): never {
    loseThread(this.words, this.index);
    return this.#exit();
  }

  /** Hands the token on for good: the thread has done what it does. */
  #end(): void {
    const { words } = this;
    const isReaper = this.index === words[REAPER];
    words[this.row + STATUS] = isReaper ? DORMANT : ENDED;
    if (isReaper) awakenReaper(words);
    this.#unwinding = true;
    const next = choose(this.#memory);
    // Before the next thread runs: it may be this one again.
    comeToRest(words);
    if (next >= 0) giveToken(words, next);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
