/**
 * A mutual-exclusion lock over shared words, for all threads of a process.
 *
 * `state` is 0 (free) or the owner's thread id + 1. Taking is one compare-and-swap; releasing is one store and a look at
 * the bitmap of waiting threads. A waiter sets its bit, tries again, then parks; a releaser frees the state, then looks:
 * one of the two sees the other. A release wakes one waiter and does not wait for it, so a running thread may overtake;
 * a waiter that woke four times in vain enters its id as heir, and the next release grants the lock to the heir alone.
 * An heir that gives up first clears the heir word and then looks for a grant; a granter first grants and then looks
 * whether the heir is still there. Whoever sees the mismatch takes the grant back by compare-and-swap.
 *
 * Owner rules: `state` free -> owner: the taker; owner -> free or granted: the owner; granted -> owner: the heir;
 * granted -> free: heir or granter by compare-and-swap; dead owner -> OWNER_DEAD: recovery (`mutex-words.ts`).
 */
import { MediatedError } from '../errors.js';
import { assertMayBlock } from './blocking.js';
import type { Contended } from './local-queue.js';
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
import {
  ACQUISITIONS,
  CONTENDED,
  GRANTED,
  HANDOFFS,
  HEIR,
  MUTEX_WORDS,
  OWNER_DEAD,
  OWNER_DEATHS,
  OWNER_MASK,
  QUEUE,
} from './mutex-words.js';
import { currentThread } from './threads.js';
import { assertNotAborted, type WaitOptions } from './wait-options.js';
import { WaitQueue } from './wait-queue.js';

/** A waiter that tried this often in vain becomes the heir. */
const LOSSES_BEFORE_INHERITING = 4;

/**
 * A mutex. The owner is a thread: tasks of one thread exclude each other too, and any of them may unlock.
 * Cheap on all threads: a free mutex is taken and released without a system call and without allocation by
 * `tryLock`/`unlock`.
 */
export class Mutex implements Releasable, Contended {
  /** Words a mutex takes in an embedding record; zeroed words are a free mutex. */
  static readonly WORDS = MUTEX_WORDS;

  readonly name: string | undefined;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly offset: number;
  private readonly self: number;
  private readonly queue: WaitQueue;

  private constructor(words: Int32Array<SharedArrayBuffer>, offset: number, name: string | undefined) {
    this.words = words;
    this.offset = offset;
    this.name = name;
    this.self = currentThread() + 1;
    this.queue = new WaitQueue(words, offset + QUEUE, this);
  }

  /** The mutex at word `offset` of a record. */
  static at(words: Int32Array<SharedArrayBuffer>, offset: number, options: LockOptions = {}): Mutex {
    return new Mutex(words, offset, options.name);
  }

  /** Opens a mutex of another thread. EINVAL for the handle of something else. */
  static from(handle: LockHandle<'mutex'>): Mutex {
    return new Mutex(openHandle(handle, 'mutex'), handle.offset, handle.name);
  }

  /** For sending the mutex to another thread. */
  get handle(): LockHandle<'mutex'> {
    return makeHandle('mutex', this.words, this.offset, this.name);
  }

  /** True if the calling thread holds the mutex. */
  get held(): boolean {
    return (Atomics.load(this.words, this.offset) & (OWNER_MASK | GRANTED)) === this.self;
  }

  /** The id of the thread that holds the mutex, -1 if none does. */
  get owner(): number {
    const state = Atomics.load(this.words, this.offset);
    return (state & GRANTED) === 0 ? (state & OWNER_MASK) - 1 : -1;
  }

  /** True from the death of an owner until the next owner calls {@link markConsistent} or unlocks. */
  get ownerDied(): boolean {
    return (Atomics.load(this.words, this.offset) & OWNER_DEAD) !== 0;
  }

  /** Takes the mutex if it is free. Never waits. */
  tryLock(): boolean {
    return this.take(false);
  }

  private take(awaiting: boolean): boolean {
    const { words, offset } = this;
    if (Atomics.compareExchange(words, offset, 0, this.self) !== 0 && !this.takeOfDead()) return false;
    words[offset + ACQUISITIONS]++;
    if (lockDebug) noteTaken(this, awaiting);
    return true;
  }

  /** Releases the mutex. EPERM if the calling thread does not hold it. */
  unlock(): void {
    const { words, offset } = this;
    if (words[offset] !== this.self) this.assertHeld();
    if (lockDebug) noteReleased(this);
    if (words[offset + HEIR] !== 0 && this.handOver()) return;
    Atomics.store(words, offset, 0);
    // The bitmap is read here and not through the queue, to keep the uncontended path flat.
    if ((Atomics.load(words, offset + QUEUE) | Atomics.load(words, offset + QUEUE + 1)) !== 0) this.queue.wake(1);
  }

  /** The protected data are whole again after the death of an owner. EPERM if the calling thread is not the owner. */
  markConsistent(): void {
    this.assertHeld();
    Atomics.and(this.words, this.offset, ~OWNER_DEAD);
  }

  /**
   * Takes the mutex, blocking the thread until it is free.
   * EDEADLK on a thread that must not block or if this thread holds it, ETIMEDOUT, ECANCELED.
   */
  lockSync(options?: WaitOptions): LockGuard {
    assertMayBlock('lockSync', 'lock');
    assertNotAborted('lockSync', options);
    if (this.held)
      throw new MediatedError('EDEADLK', `this thread already holds ${this.label}`, { syscall: 'lockSync' });
    if (lockDebug) noteTaking(this, false);
    if (!this.tryLock()) {
      this.queue.enterSync('lockSync', 1, options?.timeout);
      this.enteredSlowly(false);
    }
    return new LockGuard(this, 0, this.ownerDied);
  }

  /**
   * Takes the mutex, blocking the thread even if it runs an event loop; no guard, so nothing is allocated. Only for a
   * mutex that all its holders release within microseconds, without awaiting or blocking while they hold it, and not on
   * the thread that reaps them if they may die: it would wait for itself. EDEADLK if this thread holds it.
   */
  lockBriefly(): void {
    if (lockDebug) noteTaking(this, false);
    if (this.tryLock()) return;
    if (this.held)
      throw new MediatedError('EDEADLK', `this thread already holds ${this.label}`, { syscall: 'lockBriefly' });
    this.queue.enterSync('lockBriefly', 1, undefined);
    this.enteredSlowly(false);
  }

  /** Takes the mutex, awaiting its release behind earlier waiters of this thread. ETIMEDOUT, ECANCELED. */
  async lock(options?: WaitOptions): Promise<LockGuard> {
    assertNotAborted('lock', options);
    if (lockDebug) noteTaking(this, true);
    if (this.queue.hasLocalWaiters || !this.take(true)) {
      await this.queue.enter('lock', 1, options);
      this.enteredSlowly(true);
    }
    return new LockGuard(this, 0, this.ownerDied);
  }

  /** Counters since creation. */
  stats(): LockStats {
    const { words, offset } = this;
    return {
      acquisitions: Atomics.load(words, offset + ACQUISITIONS),
      contended: Atomics.load(words, offset + CONTENDED),
      handoffs: Atomics.load(words, offset + HANDOFFS),
      ownerDeaths: Atomics.load(words, offset + OWNER_DEATHS),
      waiting: this.queue.waiting,
    };
  }

  /** @internal Called by guards. */
  releaseToken(): void {
    this.unlock();
  }

  /** @internal Called by the waiting place. */
  attempt(_amount: number, losses: number): boolean {
    if (this.takeFreeOrGranted()) return true;
    if (losses < LOSSES_BEFORE_INHERITING) return false;
    if (Atomics.compareExchange(this.words, this.offset + HEIR, 0, this.self) !== 0) return false;
    return this.takeFreeOrGranted();
  }

  /** @internal Called by the waiting place: no waiter of this thread is left to inherit. */
  withdraw(): void {
    const { words, offset, self } = this;
    if (Atomics.compareExchange(words, offset + HEIR, self, 0) !== self) return;
    // The waiting place kicks everybody after this, which also tells them of a grant taken back here.
    Atomics.compareExchange(words, offset, self | GRANTED, 0);
  }

  private takeFreeOrGranted(): boolean {
    const { words, offset, self } = this;
    const state = Atomics.load(words, offset);
    if (state !== 0 && state !== OWNER_DEAD && state !== (self | GRANTED)) return false;
    if (Atomics.compareExchange(words, offset, state, self | (state & OWNER_DEAD)) !== state) return false;
    if (Atomics.load(words, offset + HEIR) === self) Atomics.store(words, offset + HEIR, 0);
    return true;
  }

  private takeOfDead(): boolean {
    const { words, offset } = this;
    return (
      Atomics.load(words, offset) === OWNER_DEAD &&
      Atomics.compareExchange(words, offset, OWNER_DEAD, this.self | OWNER_DEAD) === OWNER_DEAD
    );
  }

  private handOver(): boolean {
    const { words, offset } = this;
    const heir = Atomics.load(words, offset + HEIR);
    if (heir === 0) return false;
    words[offset + HANDOFFS]++;
    const grant = heir | GRANTED;
    Atomics.store(words, offset, grant);
    if (Atomics.load(words, offset + HEIR) !== heir) Atomics.compareExchange(words, offset, grant, 0);
    this.queue.wakeAll();
    return true;
  }

  private enteredSlowly(awaiting: boolean): void {
    this.words[this.offset + ACQUISITIONS]++;
    this.words[this.offset + CONTENDED]++;
    if (lockDebug) noteTaken(this, awaiting);
  }

  private assertHeld(): void {
    if (!this.held) throw new MediatedError('EPERM', `this thread does not hold ${this.label}`, { syscall: 'unlock' });
  }

  private get label(): string {
    return this.name === undefined ? 'this mutex' : `mutex ${this.name}`;
  }
}
