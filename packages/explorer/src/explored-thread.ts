/**
 * An explored thread's side of the game: every operation on shared memory first asks the scheduler whose turn it is.
 * One per worker; `patched-atomics.ts` and `virtual-time.ts` lead the code under test here. All shared words are those of
 * `layout.ts` and are touched only while this thread has the token.
 */
import {
  ABORT,
  ALONE,
  AT_CHOICE,
  ASLEEP,
  AWAITING,
  CUT,
  type ControlMemory,
  DEAD,
  DORMANT,
  ENDED,
  ERROR_BYTES,
  ERROR_LENGTH,
  EXPLAIN,
  FAILED,
  FAILED_THREAD,
  GRANTED,
  LEFT_BEHIND,
  LEFTOVERS,
  MAX_WAITERS,
  PENDING_BUFFER,
  PENDING_FACETS,
  PENDING_KIND,
  PENDING_LENGTH,
  PENDING_OFFSET,
  READY,
  REAPER,
  SEED,
  STATUS,
  STEP,
  stepRow,
  TASKS,
  threadRow,
  TICKETS,
  TIME,
  TIMED,
  TIMED_BUFFER,
  TIMED_OFFSET,
  TURN_LIMIT,
  UNUSED,
  VICTIM,
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
  WAITS_IN,
} from './layout.js';
import { BEGIN, CHANGES_QUEUE, kindOf, LOOKS_AT_QUEUE, READS, RESUME, TIMEOUT, WRITES } from './operations.js';
import { or } from './real-atomics.js';
import { Scheduler } from './scheduler.js';
import { Tasks } from './tasks.js';

/** Thrown through the code under test when its execution is over, or its thread was killed. */
class Unwind extends Error {
  override name = 'Unwind';
}

/** The one instance: nothing is allocated when a thread unwinds. */
export const unwind: Error = new Unwind('this execution is over');

/** Swallowed so often, the code under test cannot be unwound. */
const SWALLOWED_LIMIT = 10_000;

/** A typed array over shared memory that `Atomics` takes. */
export type AtomicArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Where a step stands in the source. */
export interface Position {
  readonly step: number;
  readonly stack: string;
}

const NOTIFY = kindOf('notify');

/** The explored thread that this worker plays. */
export class ExploredThread {
  readonly index: number;
  readonly scheduler: Scheduler;
  readonly tasks: Tasks;
  /** Where the steps of this execution stand, when that is asked for. */
  positions: Position[] = [];
  readonly #words: Int32Array;
  readonly #row: number;
  readonly #error: Uint8Array;
  readonly #buffers = new WeakMap<object, number>();
  #running = false;
  #quiet = 0;
  #cold = false;
  #unwinding = false;
  #swallowed = 0;

  constructor(index: number, memory: ControlMemory, buffers: readonly SharedArrayBuffer[]) {
    this.index = index;
    this.scheduler = new Scheduler(memory);
    this.#words = memory.words;
    this.#row = threadRow(index);
    this.#error = memory.error;
    this.tasks = new Tasks(memory, index);
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
      if (++this.#swallowed > SWALLOWED_LIMIT) process.exit(1);
      throw unwind;
    }
    return this.#running && this.#quiet === 0 && buffer >= 0;
  }

  /** Waits for this thread's turn to make a step. The step is on record, without what it does, when this returns. */
  enter(kind: number, facets: number, buffer: number, offset: number, length: number): void {
    const words = this.#words;
    const row = this.#row;
    this.#cold = !this.scheduler.isHot(
      this.index,
      kind !== NOTIFY && (facets & (WRITES | CHANGES_QUEUE)) !== 0,
      buffer,
      offset,
      length,
    );
    if (this.#cold) {
      this.scheduler.goOnCold(this.index, kind, buffer, offset, length);
      return;
    }
    words[row + PENDING_KIND] = kind;
    words[row + PENDING_FACETS] = facets;
    words[row + PENDING_BUFFER] = buffer;
    words[row + PENDING_OFFSET] = offset;
    words[row + PENDING_LENGTH] = length;
    this.#turn();
    if (words[EXPLAIN] !== 0) this.#notePosition();
  }

  /** Puts this thread to sleep on a word until it is notified or time passes. The wait is on record. */
  sleep(
    buffer: number,
    offset: number,
    length: number,
    value: number,
    high: number,
    timeout: number,
  ): 'ok' | 'timed-out' {
    const words = this.#words;
    const row = this.#row;
    const waiter = this.addWaiter(buffer, offset, value, high, false);
    words[row + WAITS_IN] = waiter;
    words[row + STATUS] = ASLEEP;
    const timed = timeout < Number.POSITIVE_INFINITY;
    words[row + TIMED] = timed ? 1 : 0;
    if (timed) {
      words[row + TIMED_BUFFER] = buffer;
      words[row + TIMED_OFFSET] = offset;
      this.tasks.setDeadline(timeout);
    }
    words[row + PENDING_KIND] = RESUME;
    words[row + PENDING_FACETS] = 0;
    this.#turn();
    words[waiterRow(waiter) + WAITER_STATE] = UNUSED;
    words[row + WAITS_IN] = -1;
    words[row + TIMED] = 0;
    const passed = this.#timePassed();
    if (passed) {
      words[row + STATUS] = READY;
      this.tasks.passTime();
      this.scheduler.record(TIMEOUT, CHANGES_QUEUE, buffer, offset, length, 0);
    } else this.scheduler.record(RESUME, 0, -1, 0, 0, 0);
    if (words[EXPLAIN] !== 0) this.#notePosition();
    return passed ? 'timed-out' : 'ok';
  }

  /** Enters a wait in the list of those that are pending. */
  addWaiter(buffer: number, offset: number, value: number, high: number, isAsync: boolean): number {
    const words = this.#words;
    for (let index = 0; index < MAX_WAITERS; index++) {
      const waiter = waiterRow(index);
      if (words[waiter + WAITER_STATE] !== UNUSED) continue;
      words[waiter + WAITER_STATE] = WAITING;
      words[waiter + WAITER_THREAD] = this.index;
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

  /** Wakes up to `count` waits on a word, oldest first, and records the notification. Returns how many there were. */
  wake(buffer: number, offset: number, length: number, count: number): number {
    const words = this.#words;
    let woken = 0;
    let threads = 0;
    while (woken < count) {
      let oldest = -1;
      for (let index = 0; index < MAX_WAITERS; index++) {
        const waiter = waiterRow(index);
        if (words[waiter + WAITER_STATE] !== WAITING) continue;
        if (words[waiter + WAITER_BUFFER] !== buffer || words[waiter + WAITER_OFFSET] !== offset) continue;
        if (oldest < 0 || words[waiter + WAITER_TICKET] < words[waiterRow(oldest) + WAITER_TICKET]) oldest = index;
      }
      if (oldest < 0) break;
      const waiter = waiterRow(oldest);
      const thread = words[waiter + WAITER_THREAD];
      woken++;
      threads |= 1 << thread;
      words[waiter + WAITER_STATE] = GRANTED;
      words[waiter + WAITER_TICKET] = ++words[TICKETS];
      if (words[waiter + WAITER_ASYNC] !== 0) words[threadRow(thread) + TASKS]++;
      else words[threadRow(thread) + STATUS] = READY;
    }
    // A notification counts as looking: what makes the word hot is that somebody else waits on it.
    if (!this.#cold)
      this.scheduler.record(NOTIFY, woken > 0 ? CHANGES_QUEUE : LOOKS_AT_QUEUE, buffer, offset, length, threads);
    this.scheduler.recordValues(woken, count);
    return woken;
  }

  /** Records what the step does that was entered last. */
  record(kind: number, facets: number, buffer: number, offset: number, length: number): void {
    if (!this.#cold) this.scheduler.record(kind, facets, buffer, offset, length, 0);
  }

  /**
   * Plays one execution: `body` is what the thread does, `after` what is checked when it has ended, without steps.
   * Called when the thread has the token for the first time. Returns when the execution is over for this thread.
   */
  async play(body: (victim: number) => unknown, after: () => void): Promise<void> {
    const words = this.#words;
    const row = this.#row;
    this.positions = [];
    this.#quiet = 0;
    this.#swallowed = 0;
    this.#unwinding = false;
    this.tasks.reset(words[SEED] + this.index);
    words[row + PENDING_KIND] = RESUME;
    words[row + PENDING_FACETS] = 0;
    this.scheduler.record(BEGIN, 0, -1, 0, 0, 0);
    this.#running = true;
    try {
      const result = body(words[row + VICTIM]);
      if (isThenable(result) || this.tasks.hasImmediates) {
        await this.#untilSettled(Promise.resolve(result));
      }
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
    if (this.#unwinding) {
      or(words, CUT, 1 << this.index);
    } else {
      const isReaper = this.index === words[REAPER];
      words[row + STATUS] = isReaper ? DORMANT : ENDED;
      if (isReaper) this.scheduler.awakenReaper();
      this.#unwinding = true;
      if (this.tasks.pending) or(words, LEFTOVERS, 1 << this.index);
      const next = this.scheduler.choose();
      // Before the next thread runs: it may be this one again.
      this.scheduler.atRest();
      if (next >= 0) this.scheduler.give(next);
      return;
    }
    if (this.tasks.pending) or(words, LEFTOVERS, 1 << this.index);
    this.scheduler.atRest();
  }

  /**
   * Lets the continuations of what is still awaited run, to unwind at their next operation, so that no later execution meets
   * them. Between executions, when the memory has been looked at: what they do before that counts for nothing.
   */
  async cleanUp(): Promise<void> {
    await this.tasks.abandon();
    this.scheduler.atRest();
  }

  /** Ends the execution with an error of the code under test. */
  fail(error: unknown, result = FAILED): void {
    const words = this.#words;
    if (words[ABORT] !== 0) return;
    words[FAILED_THREAD] = this.index;
    words[this.#row + STATUS] = ENDED;
    const text = error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);
    const bytes = new TextEncoder().encode(text).subarray(0, ERROR_BYTES);
    this.#error.set(bytes);
    words[ERROR_LENGTH] = bytes.length;
    this.scheduler.end(result);
    this.#unwinding = true;
  }

  /** Runs the event loop of an asynchronous body: its tasks are begun one by one, when the scheduler says so. */
  async #untilSettled(result: PromiseLike<unknown>): Promise<void> {
    const words = this.#words;
    const row = this.#row;
    let settled = false;
    let failure: { error: unknown } | undefined;
    result.then(
      () => {
        settled = true;
      },
      (error: unknown) => {
        settled = true;
        failure = { error };
      },
    );
    for (;;) {
      await this.tasks.microtasks();
      if ((settled && !this.tasks.hasImmediates) || this.#unwinding) break;
      words[row + STATUS] = AWAITING;
      // Who puts something off until the others have had their turn, means it.
      if (this.tasks.hasImmediates) words[ALONE] = words[TURN_LIMIT];
      this.tasks.announceTime();
      words[row + PENDING_KIND] = RESUME;
      words[row + PENDING_FACETS] = 0;
      this.#turn();
      words[row + STATUS] = READY;
      words[row + TIMED] = 0;
      if (this.#timePassed()) {
        const where = words[row + TIMED_BUFFER];
        this.scheduler.record(TIMEOUT, where < 0 ? 0 : CHANGES_QUEUE, where, words[row + TIMED_OFFSET], 4, 0);
        this.tasks.passTime();
        this.tasks.beginTimed();
      } else {
        this.scheduler.record(RESUME, 0, -1, 0, 0, 0);
        this.tasks.beginOldest();
      }
    }
    if (this.#unwinding) throw unwind;
    if (failure !== undefined) throw failure.error;
  }

  #timePassed(): boolean {
    const words = this.#words;
    return words[stepRow(words[STEP] - 1) + AT_CHOICE] === TIME + this.index;
  }

  /** Lets the scheduler choose, and returns when it has chosen this thread. */
  #turn(): void {
    const { scheduler } = this;
    const next = scheduler.choose();
    if (next === this.index) return;
    if (next >= 0) scheduler.give(next);
    scheduler.park(this.index);
    if (this.#words[ABORT] !== 0 || this.#words[this.#row + STATUS] === DEAD) {
      this.#unwinding = true;
      throw unwind;
    }
  }

  #notePosition(): void {
    this.positions.push({ step: this.#words[STEP] - 1, stack: new Error('here').stack ?? '' });
  }
}

/** How a wait that blocks touches its word, and one that finds another value. */
export const WAITS = READS | CHANGES_QUEUE;

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
