/**
 * The slow path of every lock: spin a little, then park, blocking or awaiting, until an attempt succeeds, the time is
 * over or the signal aborts. A lock owns one `WaitQueue` per waiting place; the shared words of a waiting place and
 * their owner rules are in `local-queue.ts`.
 *
 * Waker's side of the bargain: change the state first, look at the bitmap afterwards (`wakeOne`, `wakeAll`).
 */
import { availableParallelism } from 'node:os';
import { type Contended, clearThreadBit, LocalQueue, type LocalWaiter, localQueueAt } from './local-queue.js';
import { currentThread } from './threads.js';
import { type LockWaitNotice, waitEnded, waitStarted } from './wait-channels.js';
import { canceled, timedOut, type WaitOptions } from './wait-options.js';

const HIGH = 1;
const WAKE = 2;
/** Where there is one core, a spin only keeps the holder from it. */
const SEVERAL_CORES = availableParallelism() > 1;
const SPIN_MINIMUM = SEVERAL_CORES ? 4 : 0;
const SPIN_FIRST = SEVERAL_CORES ? 128 : 0;
const SPIN_MAXIMUM = SEVERAL_CORES ? 1024 : 0;
const LONGEST_DELAY = 0x7fff_ffff;

/** One waiting place of a lock, as seen by one thread. */
export class WaitQueue {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #base: number;
  readonly #contended: Contended;
  readonly #valueQueue: LocalQueue | undefined;
  /** Adaptive: grows while spinning pays, shrinks while it does not. */
  #spin = SPIN_FIRST;

  /** `base`: index of the `WAIT_WORDS` words of the waiting place; with `onValue`, of the word waited for itself. */
  constructor(words: Int32Array<SharedArrayBuffer>, base: number, contended: Contended, onValue = false) {
    this.#words = words;
    this.#base = base;
    this.#contended = contended;
    this.#valueQueue = onValue ? new LocalQueue(words, base, -1, 0) : undefined;
  }

  /** This thread's share of the waiting. */
  get local(): LocalQueue {
    return this.#valueQueue ?? localQueueAt(this.#words, this.#base);
  }

  /** The number of threads that wait here. */
  get waiting(): number {
    return bitCount(Atomics.load(this.#words, this.#base)) + bitCount(Atomics.load(this.#words, this.#base + HIGH));
  }

  /** True if any thread waits here. */
  get hasWaiters(): boolean {
    return (Atomics.load(this.#words, this.#base) | Atomics.load(this.#words, this.#base + HIGH)) !== 0;
  }

  /** True if this thread has waiters in line here: a newcomer goes behind them. */
  get hasLocalWaiters(): boolean {
    return this.#valueQueue === undefined && isWaiting(this.#words, this.#base, currentThread());
  }

  /** Wakes up to `count` of those who wait. */
  wake(count: number): void {
    Atomics.add(this.#words, this.#base + WAKE, 1);
    Atomics.notify(this.#words, this.#base + WAKE, count);
  }

  /** Wakes all who wait. */
  wakeAll(): void {
    Atomics.add(this.#words, this.#base + WAKE, 1);
    Atomics.notify(this.#words, this.#base + WAKE);
  }

  /**
   * Blocks until an attempt succeeds. ETIMEDOUT after `timeout` ms.
   * The caller has checked that this thread may block and that the signal is not aborted.
   */
  enterSync(operation: string, amount: number, timeout: number | undefined): void {
    const contended = this.#contended;
    if (timeout === undefined || timeout > 0) {
      const budget = this.#spin;
      for (let turn = 0; turn < budget; turn++) {
        if (contended.attempt(amount, 0)) {
          this.#spin = Math.min(SPIN_MAXIMUM, budget + 16);
          return;
        }
      }
      this.#spin = Math.max(SPIN_MINIMUM, budget - (budget >> 2));
    }
    if (!waitStarted.hasSubscribers && !waitEnded.hasSubscribers) return this.#park(operation, amount, timeout);
    const notice: LockWaitNotice = { lock: contended.name ?? '', operation };
    waitStarted.publish(notice);
    try {
      this.#park(operation, amount, timeout);
    } finally {
      waitEnded.publish(notice);
    }
  }

  /** Blocks in earnest, after spinning. */
  #park(operation: string, amount: number, timeout: number | undefined): void {
    const contended = this.#contended;
    const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    const local = this.local;
    const { words, wake } = local;
    local.beginBlocking();
    for (let losses = 0; ; losses++) {
      const seen = Atomics.load(words, wake);
      if (contended.attempt(amount, losses)) return local.endBlocking(contended, false);
      const remaining = deadline - performance.now();
      if (!(remaining > 0)) {
        local.endBlocking(contended, true);
        throw timedOut(operation, timeout);
      }
      Atomics.wait(words, wake, seen, remaining);
    }
  }

  /**
   * Awaits the success of an attempt, behind this thread's earlier waiters. ETIMEDOUT, ECANCELED.
   */
  enter(operation: string, amount: number, options: WaitOptions | undefined): Promise<void> {
    if (!waitStarted.hasSubscribers && !waitEnded.hasSubscribers) return this.#await(operation, amount, options);
    const notice: LockWaitNotice = { lock: this.#contended.name ?? '', operation };
    waitStarted.publish(notice);
    return this.#await(operation, amount, options).finally(() => waitEnded.publish(notice));
  }

  #await(operation: string, amount: number, options: WaitOptions | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      new AsyncWaiter(this.local, this.#contended, amount, resolve, reject).start(operation, options);
    });
  }
}

/** A waiting place lost `thread`: forget its bit and kick the others, one of whom may have lost a wake-up with it. */
export function recoverWaiters(words: Int32Array, base: number, thread: number): void {
  clearThreadBit(words, base, thread);
  if ((Atomics.load(words, base) | Atomics.load(words, base + HIGH)) !== 0) kickWaiters(words, base);
}

/** Wakes all who wait at the waiting place `base`. */
export function kickWaiters(words: Int32Array, base: number): void {
  Atomics.add(words, base + WAKE, 1);
  Atomics.notify(words, base + WAKE);
}

/** True if `thread` waits at the waiting place `base`. */
export function isWaiting(words: Int32Array, base: number, thread: number): boolean {
  return ((Atomics.load(words, base + (thread >>> 5)) >>> (thread & 31)) & 1) !== 0;
}

/** Counts the bits of a word. */
function bitCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}

class AsyncWaiter implements LocalWaiter {
  losses = 0;
  #settled = false;
  #timer: NodeJS.Timeout | undefined;
  #signal: AbortSignal | undefined;
  #operation = '';
  #timeout: number | undefined;

  constructor(
    readonly queue: LocalQueue,
    readonly contended: Contended,
    readonly amount: number,
    readonly resolve: () => void,
    readonly reject: (error: Error) => void,
  ) {}

  start(operation: string, options: WaitOptions | undefined): void {
    this.#operation = operation;
    this.queue.add(this);
    if (this.#settled || options === undefined) return;
    const { timeout, signal } = options;
    if (timeout !== undefined && timeout <= 0) {
      this.#timeout = timeout;
      this.#expire();
      return;
    }
    if (timeout !== undefined && timeout <= LONGEST_DELAY) {
      this.#timeout = timeout;
      this.#timer = setTimeout(this.#expire, timeout);
    }
    if (signal !== undefined) {
      this.#signal = signal;
      // It may have aborted between two phases of one operation.
      if (signal.aborted) this.#abort();
      else signal.addEventListener('abort', this.#abort, { once: true });
    }
  }

  settle(): void {
    this.#finish();
    this.resolve();
  }

  readonly #expire = (): void => {
    if (this.#settled) return;
    this.#finish();
    this.queue.remove(this);
    this.reject(timedOut(this.#operation, this.#timeout));
  };

  readonly #abort = (): void => {
    const signal = this.#signal;
    if (this.#settled || signal === undefined) return;
    this.#finish();
    this.queue.remove(this);
    this.reject(canceled(this.#operation, signal));
  };

  #finish(): void {
    this.#settled = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#abort);
  }
}
