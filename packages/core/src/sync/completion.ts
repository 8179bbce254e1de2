/**
 * A completion over shared words: something one thread announces and others wait for.
 *
 * Owner rules: `count` is the number of completions not yet consumed, ALL for "completed for everybody". It grows by
 * `complete`, becomes ALL by `completeAll`, shrinks only by a waiter's compare-and-swap: a waiter that dies between its
 * wake-up and the swap has consumed nothing, and its death kicks the others.
 */
import { assertMayBlock } from './blocking.js';
import { type Contended, WAIT_WORDS } from './local-queue.js';
import { type LockHandle, type LockOptions, type LockStats, makeHandle, openHandle } from './lock.js';
import { assertNotAborted, type WaitOptions } from './wait-options.js';
import { WaitQueue } from './wait-queue.js';

const COUNT = 0;
/** The waiting place of a completion. */
export const COMPLETION_QUEUE = 1;
const ACQUISITIONS = COMPLETION_QUEUE + WAIT_WORDS;
const CONTENDED = ACQUISITIONS + 1;
const COMPLETION_WORDS = ACQUISITIONS + 2;
const ALL = 1 << 30;

/** A completion. All methods may be called on any thread. */
export class Completion implements Contended {
  /** Words a completion takes in an embedding record; zeroed words are one that is not complete. */
  static readonly WORDS = COMPLETION_WORDS;

  readonly name: string | undefined;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly offset: number;
  private readonly queue: WaitQueue;

  private constructor(words: Int32Array<SharedArrayBuffer>, offset: number, name: string | undefined) {
    this.words = words;
    this.offset = offset;
    this.name = name;
    this.queue = new WaitQueue(words, offset + COMPLETION_QUEUE, this);
  }

  /** The completion at word `offset` of a record. */
  static at(words: Int32Array<SharedArrayBuffer>, offset: number, options: LockOptions = {}): Completion {
    return new Completion(words, offset, options.name);
  }

  /** Opens a completion of another thread. EINVAL for the handle of something else. */
  static from(handle: LockHandle<'completion'>): Completion {
    return new Completion(openHandle(handle, 'completion'), handle.offset, handle.name);
  }

  /** For sending the completion to another thread. */
  get handle(): LockHandle<'completion'> {
    return makeHandle('completion', this.words, this.offset, this.name);
  }

  /** True if a wait would succeed at once. */
  get done(): boolean {
    return Atomics.load(this.words, this.offset + COUNT) > 0;
  }

  /** Lets exactly one waiter pass, now or later. */
  complete(): void {
    const index = this.offset + COUNT;
    for (let count = Atomics.load(this.words, index); count < ALL; ) {
      const previous = Atomics.compareExchange(this.words, index, count, count + 1);
      if (previous === count) break;
      count = previous;
    }
    if (this.queue.hasWaiters) this.queue.wake(1);
  }

  /** Lets everybody pass, now and later, until {@link reset}. */
  completeAll(): void {
    Atomics.store(this.words, this.offset + COUNT, ALL);
    if (this.queue.hasWaiters) this.queue.wakeAll();
  }

  /** Makes it incomplete again. For when nobody waits any more. */
  reset(): void {
    Atomics.store(this.words, this.offset + COUNT, 0);
  }

  /** Consumes a completion if there is one. Never waits. */
  tryWait(): boolean {
    const index = this.offset + COUNT;
    for (let count = Atomics.load(this.words, index); count > 0; ) {
      if (count >= ALL) return true;
      const previous = Atomics.compareExchange(this.words, index, count, count - 1);
      if (previous === count) return true;
      count = previous;
    }
    return false;
  }

  /** Blocks until completed. EDEADLK on a thread that must not block, ETIMEDOUT, ECANCELED. */
  waitSync(options?: WaitOptions): void {
    assertMayBlock('waitSync', 'wait');
    assertNotAborted('waitSync', options);
    if (this.tryWait()) return;
    Atomics.add(this.words, this.offset + CONTENDED, 1);
    this.queue.enterSync('waitSync', 1, options?.timeout);
  }

  /** Awaits completion behind earlier waiters of this thread. ETIMEDOUT, ECANCELED. */
  async wait(options?: WaitOptions): Promise<void> {
    assertNotAborted('wait', options);
    if (!this.queue.hasLocalWaiters && this.tryWait()) return;
    Atomics.add(this.words, this.offset + CONTENDED, 1);
    await this.queue.enter('wait', 1, options);
  }

  /** Counters since creation: waits that did not succeed at once (`contended`), and of these the successful ones. */
  stats(): LockStats {
    return {
      acquisitions: Atomics.load(this.words, this.offset + ACQUISITIONS),
      contended: Atomics.load(this.words, this.offset + CONTENDED),
      handoffs: 0,
      ownerDeaths: 0,
      waiting: this.queue.waiting,
    };
  }

  /** @internal Called by the waiting place. */
  attempt(): boolean {
    if (!this.tryWait()) return false;
    Atomics.add(this.words, this.offset + ACQUISITIONS, 1);
    return true;
  }

  /** @internal Called by the waiting place. A waiter for a completion prepares nothing. */
  withdraw(): void {}
}
