/**
 * Sleepable read-copy-update over shared words: readers never wait; a grace period waits for all read sections that were
 * begun before it.
 *
 * Two banks of counters, one pair per thread; the epoch's low bit says which bank new sections count in. A section is
 * begun by its increment. A grace period, one at a time under a mutex, first waits for the idle bank (sections that read
 * the epoch long ago and counted late), flips the epoch, then waits for the bank that was in use: each wait can only be
 * prolonged by sections that read the epoch before it, so it ends.
 *
 * Owner rules: a counter: its thread or that thread's recovery. `epoch`: the mutex's holder.
 */
import { MediatedError } from '../errors.js';
import { assertMayBlock } from './blocking.js';
import { ColumnDrain } from './column-drain.js';
import { WAIT_WORDS } from './local-queue.js';
import { type LockHandle, type LockStats, makeHandle, openHandle } from './lock.js';
import { Mutex } from './mutex.js';
import { holdsMutex, MUTEX_WORDS, recoverMutex } from './mutex-words.js';
import { currentThread, MAX_THREADS } from './threads.js';
import { assertNotAborted, restOf, type WaitOptions } from './wait-options.js';
import { recoverWaiters } from './wait-queue.js';

const MUTEX = 0;
const EPOCH = MUTEX + MUTEX_WORDS;
const DRAIN = EPOCH + 1;
const COUNTERS = DRAIN + WAIT_WORDS;
const BANKS = 2;
/** Words of an SRCU domain. */
export const SRCU_WORDS = COUNTERS + MAX_THREADS * BANKS;

/** An SRCU domain. A read section is ended on the thread that began it, by whatever task. */
export class Srcu {
  readonly name: string | undefined;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly offset: number;
  private readonly counters: number;
  private readonly mutex: Mutex;
  private readonly drain: ColumnDrain;

  private constructor(words: Int32Array<SharedArrayBuffer>, offset: number, name: string | undefined) {
    this.words = words;
    this.offset = offset;
    this.name = name;
    this.counters = offset + COUNTERS + currentThread() * BANKS;
    this.mutex = Mutex.at(words, offset + MUTEX);
    this.drain = new ColumnDrain(words, offset + DRAIN, offset + COUNTERS, BANKS, name);
  }

  /** Opens a domain of another thread. EINVAL for the handle of something else. */
  static from(handle: LockHandle<'srcu'>): Srcu {
    return new Srcu(openHandle(handle, 'srcu'), handle.offset, handle.name);
  }

  /** For sending the domain to another thread. */
  get handle(): LockHandle<'srcu'> {
    return makeHandle('srcu', this.words, this.offset, this.name);
  }

  /** Begins a read section. Never waits. Returns what {@link readUnlock} needs to end it. */
  readLock(): number {
    const bank = Atomics.load(this.words, this.offset + EPOCH) & 1;
    Atomics.add(this.words, this.counters + bank, 1);
    return bank;
  }

  /** Ends the read section that `readLock` began with this answer. EPERM if this thread has none in that bank. */
  readUnlock(bank: number): void {
    const index = this.counters + (bank & 1);
    if (this.words[index] <= 0) {
      throw new MediatedError('EPERM', 'this thread has no such read section', { syscall: 'readUnlock' });
    }
    Atomics.sub(this.words, index, 1);
    this.drain.left();
  }

  /**
   * Blocks until all read sections begun before the call have ended. EDEADLK on a thread that must not block or is
   * in a read section, ETIMEDOUT, ECANCELED.
   */
  synchronizeSync(options?: WaitOptions): void {
    assertMayBlock('synchronizeSync', 'synchronize');
    assertNotAborted('synchronizeSync', options);
    if (this.words[this.counters] + this.words[this.counters + 1] > 0) {
      throw new MediatedError('EDEADLK', 'this thread is in a read section', { syscall: 'synchronizeSync' });
    }
    const started = performance.now();
    const guard = this.mutex.lockSync(options);
    try {
      this.drain.enterSync('synchronizeSync', this.idleBank, restOf(options, started));
      const used = this.flip();
      this.drain.enterSync('synchronizeSync', used, restOf(options, started));
    } finally {
      guard.release();
    }
  }

  /** Awaits that all read sections begun before the call have ended. ETIMEDOUT, ECANCELED. */
  async synchronize(options?: WaitOptions): Promise<void> {
    assertNotAborted('synchronize', options);
    const started = performance.now();
    const guard = await this.mutex.lock(options);
    try {
      await this.drain.enter('synchronize', this.idleBank, restOf(options, started));
      const used = this.flip();
      await this.drain.enter('synchronize', used, restOf(options, started));
    } finally {
      guard.release();
    }
  }

  /** Counters since creation, of grace periods. */
  stats(): LockStats {
    const stats = this.mutex.stats();
    return { ...stats, waiting: stats.waiting + this.drain.waiting };
  }

  private get idleBank(): number {
    return (Atomics.load(this.words, this.offset + EPOCH) & 1) ^ 1;
  }

  private flip(): number {
    return Atomics.add(this.words, this.offset + EPOCH, 1) & 1;
  }
}

/** Ends the read sections of the dead `thread` and frees its turn. Called by recovery. */
export function recoverSrcu(words: Int32Array, offset: number, thread: number): void {
  Atomics.store(words, offset + COUNTERS + thread * BANKS, 0);
  Atomics.store(words, offset + COUNTERS + thread * BANKS + 1, 0);
  recoverMutex(words, offset + MUTEX, thread, false);
  recoverWaiters(words, offset + DRAIN, thread);
}

/** True if `thread` is in a read section or waits for a grace period. */
export function holdsSrcu(words: Int32Array, offset: number, thread: number): boolean {
  const index = offset + COUNTERS + thread * BANKS;
  return (
    Atomics.load(words, index) !== 0 ||
    Atomics.load(words, index + 1) !== 0 ||
    holdsMutex(words, offset + MUTEX, thread)
  );
}
