/**
 * Waiting until a counter per thread is zero for all threads: a writer waits for the readers, a grace period for the
 * read sections begun before it. Used by `rw-semaphore.ts` and `srcu.ts`.
 *
 * Owner rule: a counter is changed by its thread, or by that thread's recovery. The waiter has announced itself (intent
 * bit, flipped epoch) before it looks, so a counter once seen at zero stays irrelevant and one pass over all suffices.
 * Who decrements looks for waiters afterwards (`left`).
 */
import type { Contended } from './local-queue.js';
import { MAX_THREADS } from './threads.js';
import type { WaitOptions } from './wait-options.js';
import { WaitQueue } from './wait-queue.js';

/** The waiting for one array of per-thread counters. */
export class ColumnDrain implements Contended {
  readonly name: string | undefined;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #first: number;
  readonly #stride: number;
  readonly #queue: WaitQueue;

  /** Counter `c` of thread `t` is word `first + t * stride + c`; the waiting place is at `queue`; `name` is the lock's. */
  constructor(
    words: Int32Array<SharedArrayBuffer>,
    queue: number,
    first: number,
    stride: number,
    name: string | undefined,
  ) {
    this.name = name;
    this.#words = words;
    this.#first = first;
    this.#stride = stride;
    this.#queue = new WaitQueue(words, queue, this);
  }

  /** True if counter `column` is zero for all threads. */
  attempt(column: number): boolean {
    const words = this.#words;
    for (let thread = 0, index = this.#first + column; thread < MAX_THREADS; thread++, index += this.#stride) {
      if (Atomics.load(words, index) !== 0) return false;
    }
    return true;
  }

  /** Nothing is prepared for a waiter. */
  withdraw(): void {}

  /** A counter was decremented. */
  left(): void {
    if (this.#queue.hasWaiters) this.#queue.wakeAll();
  }

  /** Blocks until counter `column` is zero for all threads. ETIMEDOUT. */
  enterSync(operation: string, column: number, options: WaitOptions | undefined): void {
    if (!this.attempt(column)) this.#queue.enterSync(operation, column, options?.timeout);
  }

  /** Awaits that counter `column` is zero for all threads. ETIMEDOUT, ECANCELED. */
  async enter(operation: string, column: number, options: WaitOptions | undefined): Promise<void> {
    if (!this.attempt(column)) await this.#queue.enter(operation, column, options);
  }

  /** The number of threads that wait. */
  get waiting(): number {
    return this.#queue.waiting;
  }
}
