/**
 * A reference count over shared words: one word, or a ledger (`ledger.ts`) when each thread's references are tracked so
 * that a dead thread's are dropped. The value is the first word in both. Those who wait for zero park on the value itself.
 *
 * Owner rules: `value` changes by compare-and-swap or by the reference's bearer; zero is final. A put that reaches zero
 * notifies; so does recovery. Tracked: a reference is put by the thread that got it; the initial ones belong to nobody.
 */
import { MediatedError } from '../errors.js';
import { assertMayBlock } from './blocking.js';
import {
  giveReference,
  initializeLedger,
  LARGEST_VALUE,
  LEDGER_WORDS,
  recoverLedger,
  shareOf,
  takeReference,
  takesThatMet,
} from './ledger.js';
import type { Contended } from './local-queue.js';
import { type LockHandle, type LockOptions, type LockStats, makeHandle, openHandle } from './lock.js';
import { currentThread } from './threads.js';
import { assertNotAborted, type WaitOptions } from './wait-options.js';
import { WaitQueue } from './wait-queue.js';

/** Words of a tracked reference count. */
export const TRACKED_REF_COUNT_WORDS = LEDGER_WORDS;

/** Which of the two kinds a reference count is. */
export type RefCountKind = 'refCount' | 'trackedRefCount';

/** A reference count, up to 2^30. All methods may be called on any thread. */
export class RefCount implements Contended {
  /** Words an untracked count takes in an embedding record; the embedder stores the initial value there. */
  static readonly WORDS = 1;

  readonly name: string | undefined;
  /** True if a dead thread's references are dropped. */
  readonly tracked: boolean;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly offset: number;
  private readonly self: number;
  private queue: WaitQueue | undefined;

  private constructor(
    words: Int32Array<SharedArrayBuffer>,
    offset: number,
    name: string | undefined,
    tracked: boolean,
  ) {
    this.words = words;
    this.offset = offset;
    this.name = name;
    this.tracked = tracked;
    this.self = currentThread();
  }

  /** The untracked count at word `offset` of a record. */
  static at(words: Int32Array<SharedArrayBuffer>, offset: number, options: LockOptions = {}): RefCount {
    return new RefCount(words, offset, options.name, false);
  }

  /** Opens a count of another thread. EINVAL for the handle of something else. */
  static from(handle: LockHandle<RefCountKind>): RefCount {
    const tracked = handle.kind === 'trackedRefCount';
    return new RefCount(
      openHandle(handle, tracked ? 'trackedRefCount' : 'refCount'),
      handle.offset,
      handle.name,
      tracked,
    );
  }

  /** For sending the count to another thread. */
  get handle(): LockHandle<RefCountKind> {
    return makeHandle(this.tracked ? 'trackedRefCount' : 'refCount', this.words, this.offset, this.name);
  }

  /** The references at this moment. */
  get value(): number {
    return Atomics.load(this.words, this.offset);
  }

  /** Gets a reference unless there is none left (or 2^30 are out). Never waits. */
  tryGet(): boolean {
    const { words, offset } = this;
    if (this.tracked) return takeReference(words, offset, this.self);
    for (let value = Atomics.load(words, offset); value > 0 && value < LARGEST_VALUE; ) {
      const previous = Atomics.compareExchange(words, offset, value, value + 1);
      if (previous === value) return true;
      value = previous;
    }
    return false;
  }

  /** Puts a reference. True for exactly the one put that reached zero. EINVAL if there was no reference to put. */
  put(): boolean {
    const { words, offset } = this;
    const before = this.tracked ? giveReference(words, offset, this.self) : Atomics.sub(words, offset, 1);
    if (before > 1) return false;
    if (before < 1) {
      if (!this.tracked) Atomics.add(words, offset, 1);
      throw new MediatedError('EINVAL', 'a reference was put that nobody had', { syscall: 'put' });
    }
    Atomics.notify(words, offset);
    return true;
  }

  /** Blocks until the count is zero. EDEADLK on a thread that must not block, ETIMEDOUT, ECANCELED. */
  zeroSync(options?: WaitOptions): void {
    assertMayBlock('zeroSync', 'zero');
    assertNotAborted('zeroSync', options);
    if (this.value > 0) this.waitingPlace.enterSync('zeroSync', 1, options?.timeout);
  }

  /** Awaits that the count is zero, by the last put or by the death of the last bearers. ETIMEDOUT, ECANCELED. */
  async zero(options?: WaitOptions): Promise<void> {
    assertNotAborted('zero', options);
    if (this.value > 0) await this.waitingPlace.enter('zero', 1, options);
  }

  /** Counters since creation. `contended`: gets of a tracked count that met another thread's; nothing else is counted. */
  stats(): LockStats {
    const contended = this.tracked ? takesThatMet(this.words, this.offset) : 0;
    return { acquisitions: 0, contended, handoffs: 0, ownerDeaths: 0, waiting: 0 };
  }

  /** @internal Called by the waiting place. */
  attempt(): boolean {
    return this.value <= 0;
  }

  /** @internal Called by the waiting place. A waiter for zero prepares nothing. */
  withdraw(): void {}

  private get waitingPlace(): WaitQueue {
    this.queue ??= new WaitQueue(this.words, this.offset, this, true);
    return this.queue;
  }
}

/** Sets up a tracked count in words that nobody else sees yet. */
export function initializeTrackedRefCount(words: Int32Array, offset: number, initial: number): void {
  initializeLedger(words, offset, initial);
}

/** A thread may have died between its last put and the notification of those who wait for zero. Called by recovery. */
export function recoverRefCount(words: Int32Array, offset: number): void {
  Atomics.notify(words, offset);
}

/** Drops the references of the dead `thread`. Called by recovery. */
export function recoverTrackedRefCount(words: Int32Array, offset: number, thread: number): void {
  recoverLedger(words, offset, thread, 1, () => Atomics.notify(words, offset));
  recoverRefCount(words, offset);
}

/** True if `thread` has references. */
export function holdsTrackedRefCount(words: Int32Array, offset: number, thread: number): boolean {
  return shareOf(words, offset, thread) !== 0;
}
