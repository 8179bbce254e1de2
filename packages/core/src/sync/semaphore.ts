/**
 * A counting semaphore over shared words. The value and every thread's share lie in a ledger (`ledger.ts`), so that the
 * permits of a dead thread come back.
 *
 * Owner rules: the ledger's; `bulk` goes once from 0 to 1, set by a waiter for several permits before it parks: from then
 * on a release wakes all waiters, because the one it would wake alone may want more than there is.
 */
import { MediatedError } from '../errors.js';
import { assertMayBlock } from './blocking.js';
import {
  givePermits,
  initializeLedger,
  LARGEST_VALUE,
  LEDGER_WORDS,
  recoverLedger,
  shareOf,
  takePermits,
  takesThatMet,
} from './ledger.js';
import { type Contended, WAIT_WORDS } from './local-queue.js';
import {
  LockGuard,
  type LockHandle,
  type LockOptions,
  type LockStats,
  makeHandle,
  openHandle,
  type Releasable,
} from './lock.js';
import { lockDebug, noteReleased, noteTaken, noteTaking } from './lockdep.js';
import { currentThread } from './threads.js';
import { assertNotAborted, type WaitOptions } from './wait-options.js';
import { isWaiting, kickWaiters, recoverWaiters, WaitQueue } from './wait-queue.js';

const LEDGER = 0;
const QUEUE = LEDGER + LEDGER_WORDS;
const BULK = QUEUE + WAIT_WORDS;
const ACQUISITIONS = BULK + 1;
const CONTENDED = BULK + 2;
const OWNER_DEATHS = BULK + 3;
/** Words of a semaphore. */
export const SEMAPHORE_WORDS = BULK + 4;

/**
 * A counting semaphore, capacity 2^30. A permit belongs to the thread that acquired it, and comes back when that thread
 * dies. Releasing more than the thread holds is allowed (a producer's signal) and adds permits that belong to nobody; as
 * many permits acquired elsewhere are then taken for used up and do not come back with their thread's death.
 */
export class Semaphore implements Releasable, Contended {
  /** Words a semaphore takes in an embedding record. */
  static readonly WORDS = SEMAPHORE_WORDS;

  readonly name: string | undefined;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly offset: number;
  private readonly self: number;
  private readonly queue: WaitQueue;

  private constructor(words: Int32Array<SharedArrayBuffer>, offset: number, name: string | undefined) {
    this.words = words;
    this.offset = offset;
    this.name = name;
    this.self = currentThread();
    this.queue = new WaitQueue(words, offset + QUEUE, this);
  }

  /** Sets up a semaphore in zeroed words, or in words that were set up before and used by nobody. Not while anybody may recover it. */
  static initialize(words: Int32Array<SharedArrayBuffer>, offset: number, initial: number): void {
    initializeSemaphore(words, offset, initial);
  }

  /** The semaphore at word `offset` of a record, where {@link initialize} has set one up. */
  static at(words: Int32Array<SharedArrayBuffer>, offset: number, options: LockOptions = {}): Semaphore {
    return new Semaphore(words, offset, options.name);
  }

  /** Opens a semaphore of another thread. EINVAL for the handle of something else. */
  static from(handle: LockHandle<'semaphore'>): Semaphore {
    return new Semaphore(openHandle(handle, 'semaphore'), handle.offset, handle.name);
  }

  /** For sending the semaphore to another thread. */
  get handle(): LockHandle<'semaphore'> {
    return makeHandle('semaphore', this.words, this.offset, this.name);
  }

  /** The permits that are free at this moment. */
  get value(): number {
    return Atomics.load(this.words, this.offset);
  }

  /** The permits that the calling thread holds. */
  get held(): number {
    return shareOf(this.words, this.offset, this.self);
  }

  /** Takes `count` permits if there are that many: all or none. Never waits. EINVAL for a count that is not 1 to 2^30. */
  tryAcquire(count = 1): boolean {
    assertCount(count);
    return this.take(count, false);
  }

  /** Gives permits back and wakes those who wait for them. EOVERFLOW if there would be more than 2^30. */
  release(count = 1): void {
    assertCount(count);
    if (!givePermits(this.words, this.offset, this.self, count)) {
      throw new MediatedError('EOVERFLOW', 'a semaphore holds at most 2^30 permits', { syscall: 'release' });
    }
    if (lockDebug) noteReleased(this);
    if (!this.queue.hasWaiters) return;
    if (Atomics.load(this.words, this.offset + BULK) !== 0) this.queue.wakeAll();
    else this.queue.wake(count);
  }

  /** Takes `count` permits, blocking the thread. EDEADLK on a thread that must not block, ETIMEDOUT, ECANCELED, EINVAL. */
  acquireSync(count = 1, options?: WaitOptions): LockGuard {
    assertMayBlock('acquireSync', 'acquire');
    assertCount(count);
    assertNotAborted('acquireSync', options);
    if (lockDebug) noteTaking(this, false);
    if (!this.take(count, false)) {
      this.announce(count);
      this.queue.enterSync('acquireSync', count, options?.timeout);
      if (lockDebug) noteTaken(this, false);
    }
    return new LockGuard(this, count, false);
  }

  /** Takes `count` permits, awaiting them behind earlier waiters of this thread. ETIMEDOUT, ECANCELED, EINVAL. */
  async acquire(count = 1, options?: WaitOptions): Promise<LockGuard> {
    assertCount(count);
    assertNotAborted('acquire', options);
    if (lockDebug) noteTaking(this, true);
    if (this.queue.hasLocalWaiters || !this.take(count, true)) {
      this.announce(count);
      await this.queue.enter('acquire', count, options);
      if (lockDebug) noteTaken(this, true);
    }
    return new LockGuard(this, count, false);
  }

  /** Counters since creation. `acquisitions`: after waiting, only; `contended`: had to wait or met another's take. */
  stats(): LockStats {
    const { words, offset } = this;
    return {
      acquisitions: Atomics.load(words, offset + ACQUISITIONS),
      contended: Atomics.load(words, offset + CONTENDED) + takesThatMet(words, offset + LEDGER),
      handoffs: 0,
      ownerDeaths: Atomics.load(words, offset + OWNER_DEATHS),
      waiting: this.queue.waiting,
    };
  }

  /** @internal Called by guards. */
  releaseToken(count: number): void {
    this.release(count);
  }

  /** @internal Called by the waiting place. */
  attempt(count: number): boolean {
    if (!takePermits(this.words, this.offset, this.self, count)) return false;
    Atomics.add(this.words, this.offset + ACQUISITIONS, 1);
    return true;
  }

  /** @internal Called by the waiting place. A waiter for permits prepares nothing. */
  withdraw(): void {}

  private take(count: number, awaiting: boolean): boolean {
    if (!takePermits(this.words, this.offset, this.self, count)) return false;
    if (lockDebug) noteTaken(this, awaiting);
    return true;
  }

  private announce(count: number): void {
    Atomics.add(this.words, this.offset + CONTENDED, 1);
    if (count > 1) Atomics.store(this.words, this.offset + BULK, 1);
  }
}

/** Sets up a semaphore in words that nobody else sees yet. */
export function initializeSemaphore(words: Int32Array, offset: number, initial: number): void {
  initializeLedger(words, offset + LEDGER, initial);
}

/** Gives the permits of the dead `thread` back. Called by recovery. */
export function recoverSemaphore(words: Int32Array, offset: number, thread: number): void {
  if (shareOf(words, offset, thread) !== 0) Atomics.add(words, offset + OWNER_DEATHS, 1);
  recoverLedger(words, offset + LEDGER, thread, -1, () => kickWaiters(words, offset + QUEUE));
  recoverWaiters(words, offset + QUEUE, thread);
}

/** True if `thread` holds permits or waits for some. */
export function holdsSemaphore(words: Int32Array, offset: number, thread: number): boolean {
  return shareOf(words, offset, thread) !== 0 || isWaiting(words, offset + QUEUE, thread);
}

function assertCount(count: number): void {
  if (!(Number.isInteger(count) && count >= 1 && count <= LARGEST_VALUE)) {
    throw new MediatedError('EINVAL', `${count} is not a number of permits`, { syscall: 'acquire' });
  }
}
