/**
 * A read-write semaphore over shared words: many readers or one writer.
 *
 * `readers[t]` counts the read holds of thread t and is the only truth about them. A writer announces itself in the
 * intent bitmap, takes the mutex that serialises writers, then waits until all counters are zero. A reader increments its
 * counter, then looks at the bitmap; if any writer owns or waits it takes the increment back and is refused. A reader
 * that may wait then goes through the writers' mutex: while it holds that, no writer owns, so it increments and passes.
 * The mutex bounds overtaking, so neither side starves the other.
 *
 * Owner rules: `readers[t]` and intent bit t: thread t or its recovery. `writer`: the mutex's holder, set while it owns
 * for writing, so that recovery can tell a dead writer (what it wrote may be half-done: `died`) from a reader that died
 * passing through. `died`: set by recovery, cleared by the next writer.
 */
import { MediatedError } from '../errors.js';
import { assertMayBlock } from './blocking.js';
import { ColumnDrain } from './column-drain.js';
import { clearThreadBit, localQueueAt, setThreadBit, WAIT_WORDS } from './local-queue.js';
import { LockGuard, type LockHandle, type LockStats, makeHandle, openHandle, type Releasable } from './lock.js';
import { lockDebug, noteReleased, noteTaken, noteTaking } from './lockdep.js';
import { Mutex } from './mutex.js';
import { holdsMutex, MUTEX_WORDS, QUEUE, recoverMutex } from './mutex-words.js';
import { currentThread, MAX_THREADS } from './threads.js';
import { assertNotAborted, restOf, type WaitOptions } from './wait-options.js';
import { isWaiting, recoverWaiters } from './wait-queue.js';

const MUTEX = 0;
const INTENT = MUTEX + MUTEX_WORDS;
const WRITER = INTENT + 2;
const DIED = INTENT + 3;
const DRAIN = INTENT + 4;
const READERS = DRAIN + WAIT_WORDS;
/** Words of a read-write semaphore. */
export const RW_SEMAPHORE_WORDS = READERS + MAX_THREADS;

const READ = 0;
const WRITE = 1;

/**
 * A read-write semaphore. Holds belong to threads; tasks of one thread are told apart for writing, not for reading.
 * Not recursive: a task that reads and waits for another read while a writer waits is stuck, as in the kernel.
 */
export class RwSemaphore implements Releasable {
  readonly name: string | undefined;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly offset: number;
  private readonly self: number;
  private readonly column: number;
  private readonly intent: number;
  private readonly mutex: Mutex;
  private readonly drain: ColumnDrain;

  private constructor(words: Int32Array<SharedArrayBuffer>, offset: number, name: string | undefined) {
    this.words = words;
    this.offset = offset;
    this.name = name;
    this.self = currentThread();
    this.column = offset + READERS + this.self;
    this.intent = offset + INTENT;
    this.mutex = Mutex.at(words, offset + MUTEX);
    this.drain = new ColumnDrain(words, offset + DRAIN, offset + READERS, 1, name);
  }

  /** Opens a semaphore of another thread. EINVAL for the handle of something else. */
  static from(handle: LockHandle<'rwSemaphore'>): RwSemaphore {
    return new RwSemaphore(openHandle(handle, 'rwSemaphore'), handle.offset, handle.name);
  }

  /** For sending the semaphore to another thread. */
  get handle(): LockHandle<'rwSemaphore'> {
    return makeHandle('rwSemaphore', this.words, this.offset, this.name);
  }

  /** The read holds of all threads at this moment. */
  get readers(): number {
    let sum = 0;
    for (let thread = 0; thread < MAX_THREADS; thread++)
      sum += Atomics.load(this.words, this.offset + READERS + thread);
    return sum;
  }

  /** The id of the thread that holds it for writing, -1 if none does. */
  get writer(): number {
    return Atomics.load(this.words, this.offset + WRITER) - 1;
  }

  /** True from the death of a writer until the next writer calls {@link markConsistent} or unlocks. */
  get ownerDied(): boolean {
    return Atomics.load(this.words, this.offset + DIED) !== 0;
  }

  /** Takes it for reading unless a writer owns it or waits for it (mdev-core section 2). Never waits. */
  tryRead(): boolean {
    return this.takeRead(false);
  }

  /** Ends a read hold of this thread. EPERM if there is none. */
  unlockRead(): void {
    if (this.words[this.column] <= 0) throw this.notHeld('reading', 'unlockRead');
    if (lockDebug) noteReleased(this);
    Atomics.sub(this.words, this.column, 1);
    this.drain.left();
  }

  /** Takes it for writing if nobody holds it. Never waits, but readers are refused while it looks. */
  tryWrite(): boolean {
    if (!this.drain.attempt(0) || !this.mutex.tryLock()) return false;
    this.announce();
    if (this.drain.attempt(0)) {
      this.own(false);
      return true;
    }
    this.retract();
    this.mutex.unlock();
    return false;
  }

  /** Ends the write hold. EPERM if this thread has none. */
  unlockWrite(): void {
    const { words, offset } = this;
    if (words[offset + WRITER] !== this.self + 1) throw this.notHeld('writing', 'unlockWrite');
    if (lockDebug) noteReleased(this);
    Atomics.store(words, offset + DIED, 0);
    Atomics.store(words, offset + WRITER, 0);
    this.retract();
    this.mutex.unlock();
  }

  /** The protected data are whole again after the death of a writer. EPERM if this thread is not the writer. */
  markConsistent(): void {
    if (this.writer !== this.self) throw this.notHeld('writing', 'markConsistent');
    Atomics.store(this.words, this.offset + DIED, 0);
  }

  /** Takes it for reading, blocking. EDEADLK on a thread that must not block or is the writer, ETIMEDOUT, ECANCELED. */
  readSync(options?: WaitOptions): LockGuard {
    assertMayBlock('readSync', 'read');
    assertNotAborted('readSync', options);
    if (lockDebug) noteTaking(this, false);
    if (!this.takeRead(false)) {
      this.mutex.lockSync(options);
      this.passThrough(false);
    }
    return new LockGuard(this, READ, this.ownerDied);
  }

  /** Takes it for reading, awaiting the writers that own it or came before. ETIMEDOUT, ECANCELED. */
  async read(options?: WaitOptions): Promise<LockGuard> {
    assertNotAborted('read', options);
    if (lockDebug) noteTaking(this, true);
    if (!this.takeRead(true)) {
      await this.mutex.lock(options);
      this.passThrough(true);
    }
    return new LockGuard(this, READ, this.ownerDied);
  }

  /**
   * Takes it for writing, blocking until all readers have left; new ones are refused from the start of the wait.
   * EDEADLK on a thread that must not block or holds it already, ETIMEDOUT, ECANCELED.
   */
  writeSync(options?: WaitOptions): LockGuard {
    assertMayBlock('writeSync', 'write');
    assertNotAborted('writeSync', options);
    if (this.words[this.column] > 0) {
      throw new MediatedError('EDEADLK', `this thread holds ${this.label} for reading`, { syscall: 'writeSync' });
    }
    if (lockDebug) noteTaking(this, false);
    const started = performance.now();
    this.announce();
    let mutex: LockGuard | undefined;
    try {
      mutex = this.mutex.lockSync(options);
      this.drain.enterSync('writeSync', 0, restOf(options, started));
    } catch (error) {
      this.giveUpWriting(mutex);
      throw error;
    }
    return this.own(false);
  }

  /** As {@link writeSync}, awaiting; tasks of one thread take turns. ETIMEDOUT, ECANCELED. */
  async write(options?: WaitOptions): Promise<LockGuard> {
    assertNotAborted('write', options);
    if (lockDebug) noteTaking(this, true);
    const started = performance.now();
    this.announce();
    let mutex: LockGuard | undefined;
    try {
      mutex = await this.mutex.lock(options);
      await this.drain.enter('write', 0, restOf(options, started));
    } catch (error) {
      this.giveUpWriting(mutex);
      throw error;
    }
    return this.own(true);
  }

  /** Counters since creation: takes for writing and takes for reading that had to wait. */
  stats(): LockStats {
    const stats = this.mutex.stats();
    return { ...stats, waiting: stats.waiting + this.drain.waiting };
  }

  /** @internal Called by guards. */
  releaseToken(token: number): void {
    if (token === READ) this.unlockRead();
    else this.unlockWrite();
  }

  private takeRead(awaiting: boolean): boolean {
    const { words, column, intent } = this;
    Atomics.add(words, column, 1);
    if ((Atomics.load(words, intent) | Atomics.load(words, intent + 1)) !== 0) {
      Atomics.sub(words, column, 1);
      this.drain.left();
      return false;
    }
    if (lockDebug) noteTaken(this, awaiting);
    return true;
  }

  private passThrough(awaiting: boolean): void {
    Atomics.add(this.words, this.column, 1);
    this.mutex.unlock();
    if (lockDebug) noteTaken(this, awaiting);
  }

  private announce(): void {
    localQueueAt(this.words, this.offset + MUTEX + QUEUE).addClaim(1);
    setThreadBit(this.words, this.intent, this.self);
  }

  private retract(): void {
    const claims = localQueueAt(this.words, this.offset + MUTEX + QUEUE).addClaim(-1);
    if (claims === 0) clearThreadBit(this.words, this.intent, this.self);
  }

  private own(awaiting: boolean): LockGuard {
    Atomics.store(this.words, this.offset + WRITER, this.self + 1);
    if (lockDebug) noteTaken(this, awaiting);
    return new LockGuard(this, WRITE, this.ownerDied);
  }

  private giveUpWriting(mutex: LockGuard | undefined): void {
    this.retract();
    mutex?.release();
  }

  private notHeld(purpose: string, operation: string): MediatedError {
    return new MediatedError('EPERM', `this thread does not hold ${this.label} for ${purpose}`, { syscall: operation });
  }

  private get label(): string {
    return this.name === undefined ? 'this semaphore' : `semaphore ${this.name}`;
  }
}

/** Frees the semaphore of the dead `thread`. Called by recovery. */
export function recoverRwSemaphore(words: Int32Array, offset: number, thread: number): void {
  if (Atomics.compareExchange(words, offset + WRITER, thread + 1, 0) === thread + 1)
    Atomics.store(words, offset + DIED, 1);
  Atomics.store(words, offset + READERS + thread, 0);
  clearThreadBit(words, offset + INTENT, thread);
  recoverMutex(words, offset + MUTEX, thread, false);
  recoverWaiters(words, offset + DRAIN, thread);
}

/** True if `thread` holds the semaphore or waits for it. */
export function holdsRwSemaphore(words: Int32Array, offset: number, thread: number): boolean {
  return (
    Atomics.load(words, offset + READERS + thread) !== 0 ||
    isWaiting(words, offset + INTENT, thread) ||
    holdsMutex(words, offset + MUTEX, thread)
  );
}
