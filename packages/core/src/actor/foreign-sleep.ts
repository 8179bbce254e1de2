/**
 * How a thread sleeps that waits for something else than its inbox, in a system call for example. It has no pump: it
 * looks into its inbox itself, says before each sleep that it sleeps, and somebody else who waits on its PARKED word
 * (a helper thread) has to get it out of that call. Private to one endpoint; only its own thread calls it.
 */
import { PARKED, rowOf } from './segment.js';

export class ForeignSleep {
  /** The words in which, and the place at which, whoever wakes this thread waits: 1 while it sleeps unrung, else 0. */
  readonly words: Int32Array;
  readonly parkedAt: number;
  readonly #isReady: () => boolean;

  constructor(words: Int32Array, thread: number, isReady: () => boolean) {
    this.words = words;
    this.parkedAt = rowOf(thread) + PARKED;
    this.#isReady = isReady;
  }

  /**
   * From now on whoever sends something to this thread rings for it. False: something is there already, the thread must
   * not sleep.
   */
  begin(): boolean {
    Atomics.store(this.words, this.parkedAt, 1);
    if (this.#isReady()) {
      Atomics.store(this.words, this.parkedAt, 0);
      return false;
    }
    return true;
  }

  /** The thread is awake. */
  end(): void {
    Atomics.store(this.words, this.parkedAt, 0);
  }

  /** Nobody need call this thread's attention to what it is about to look for itself. */
  look(): void {}

  /** As {@link look}: the thread decides itself how long it waits for a reply. */
  expectReply(): void {}

  /** The thread has left: whoever waits goes on. */
  close(): void {
    Atomics.store(this.words, this.parkedAt, 0);
    Atomics.notify(this.words, this.parkedAt);
  }
}
