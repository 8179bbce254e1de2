/**
 * How a client thread waits for a reply while it blocks: a bounded spin, then sleep on its PARKED word.
 * Private to one endpoint, used by blocking asks only.
 */
import { passOnBeforeBlocking } from '../sync/local-queue.js';
import { PARKED, rowOf } from './segment.js';

/** Longest spin before sleeping, in milliseconds. */
const SPIN = 0.1;

export class BlockingWait {
  readonly #words: Int32Array;
  readonly #parked: number;
  readonly #isReady: () => boolean;
  readonly #glance: () => boolean;

  /** `isReady` and `glance` as in `PumpTarget`. */
  constructor(words: Int32Array, thread: number, isReady: () => boolean, glance: () => boolean) {
    this.#words = words;
    this.#parked = rowOf(thread) + PARKED;
    this.#isReady = isReady;
    this.#glance = glance;
  }

  /** Looks for a message for a while. */
  spin(): boolean {
    let start = 0;
    for (;;) {
      for (let looks = 0; looks < 256; looks++) if (this.#glance()) return true;
      const now = performance.now();
      if (start === 0) start = now;
      else if (now - start > SPIN) return false;
    }
  }

  /**
   * Sleeps until somebody wakes this thread or `milliseconds` have passed. Returns true when nobody woke it: a wait of
   * the event loop on the same word may then be left behind with the word at 0, and must be set up anew.
   */
  sleep(milliseconds: number): boolean {
    // A lock that this thread also awaits must not be handed to an event loop that cannot run.
    passOnBeforeBlocking();
    Atomics.store(this.#words, this.#parked, 1);
    if (!this.#isReady() && Atomics.wait(this.#words, this.#parked, 1, milliseconds) === 'ok') return false;
    Atomics.store(this.#words, this.#parked, 0);
    return true;
  }
}
