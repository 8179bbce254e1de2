/**
 * One thread's share of the waiting at one lock: its asynchronous waiters in order of arrival, its blocked caller, its
 * bit in the lock's bitmap of waiting threads, and at most one outstanding `Atomics.waitAsync`. Used by `wait-queue.ts`.
 *
 * Thread-private, except for the words it parks on. Owner rule of the bitmap: a thread sets and clears only its own bit;
 * the bit is set before the last try that precedes parking (a waker looks at the bitmap after it changed the state, so
 * one of the two sees the other), and cleared when no waiter of this thread is left. Recovery clears a dead thread's bit.
 *
 * A wake-up is never lost in here: when the last waiter gives up, and before this thread blocks for anything else,
 * everybody parked on the word is kicked, because a wake-up may already be on its way to this thread.
 */
import { holdProcess, letProcessGo } from './keep-alive.js';
import { currentThread, ThreadTable } from './threads.js';

/** Words of a waiting place: waiting threads 0-31, waiting threads 32-63, wake counter, identity. */
export const WAIT_WORDS = 4;
const WAKE = 2;
const IDENTITY = 3;

/** What waiters wait to take. Implemented by the locks; called on slow paths only. */
export interface Contended {
  /** The lock's name, for those who follow waits. */
  readonly name?: string | undefined;
  /** Tries to take `amount`. `losses`: how often this waiter has tried in vain. Must not throw. */
  attempt(amount: number, losses: number): boolean;
  /** The last waiter of this thread gave up: undo what `attempt` prepared for it. */
  withdraw(): void;
}

/** An asynchronous waiter; `settle` is called exactly once, when it has what it wanted. */
export interface LocalWaiter {
  readonly contended: Contended;
  readonly amount: number;
  losses: number;
  settle(): void;
}

const queues = new Map<number, LocalQueue>();
const armedQueues = new Set<LocalQueue>();

/** The calling thread's queue at the waiting place `base`: the same one for all lock objects over these words. */
export function localQueueAt(words: Int32Array<SharedArrayBuffer>, base: number): LocalQueue {
  let identity = Atomics.load(words, base + IDENTITY);
  if (identity === 0) {
    const fresh = ThreadTable.current().nextIdentity();
    const previous = Atomics.compareExchange(words, base + IDENTITY, 0, fresh);
    identity = previous === 0 ? fresh : previous;
  }
  let queue = queues.get(identity);
  if (queue === undefined) {
    queue = new LocalQueue(words, base + WAKE, base, identity);
    queues.set(identity, queue);
  }
  return queue;
}

/** Leaves no wake-up with this thread's event loop, which is about to be blocked: kicks every word it listens to. */
export function passOnBeforeBlocking(): void {
  for (const queue of armedQueues) queue.kick();
}

/** One thread's waiters at one waiting place. With `base` -1 they wait for the word `wake` itself, without a bitmap. */
export class LocalQueue {
  readonly #waiters: LocalWaiter[] = [];
  #armed = false;
  #blocked = false;
  #claims = 0;

  constructor(
    readonly words: Int32Array<SharedArrayBuffer>,
    readonly wake: number,
    readonly base: number,
    readonly identity: number,
  ) {}

  /** True if asynchronous waiters of this thread are in line. */
  get hasWaiters(): boolean {
    return this.#waiters.length > 0;
  }

  /** Wakes everybody who is parked here, on every thread. */
  kick(): void {
    if (this.base >= 0) Atomics.add(this.words, this.wake, 1);
    Atomics.notify(this.words, this.wake);
  }

  /** Puts a waiter in line and lets the first in line try. */
  add(waiter: LocalWaiter): void {
    this.#waiters.push(waiter);
    this.#setBit();
    holdProcess();
    if (!this.#armed) this.#drain();
  }

  /** Takes a waiter that gave up out of the line. */
  remove(waiter: LocalWaiter): void {
    this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
    letProcessGo();
    if (!this.hasWaiters) this.#leave(waiter.contended, true);
  }

  /** The calling thread is going to park here itself. */
  beginBlocking(): void {
    this.#blocked = true;
    this.#setBit();
    passOnBeforeBlocking();
  }

  /** The calling thread parks here no longer; `gaveUp` if it goes without what it wanted. */
  endBlocking(contended: Contended, gaveUp: boolean): void {
    this.#blocked = false;
    this.#leave(contended, gaveUp);
  }

  /** Counts a claim that this thread keeps here besides waiting (a writer's intent). Returns the new count. */
  addClaim(difference: number): number {
    this.#claims += difference;
    if (this.#claims === 0) this.#forgetIfIdle();
    return this.#claims;
  }

  #drain(): void {
    for (;;) {
      const first = this.#waiters[0];
      if (first === undefined) break;
      const seen = Atomics.load(this.words, this.wake);
      if (first.contended.attempt(first.amount, first.losses)) {
        this.#waiters.shift();
        letProcessGo();
        first.settle();
        if (!this.hasWaiters) this.#leave(first.contended, false);
        continue;
      }
      first.losses++;
      const wait = Atomics.waitAsync(this.words, this.wake, seen);
      if (wait.async) {
        this.#armed = true;
        armedQueues.add(this);
        void wait.value.then(this.#woken);
        return;
      }
    }
    this.#forgetIfIdle();
  }

  readonly #woken = (): void => {
    this.#armed = false;
    armedQueues.delete(this);
    this.#drain();
  };

  #leave(contended: Contended, gaveUp: boolean): void {
    if (!this.#blocked && !this.hasWaiters) {
      this.#clearBit();
      if (gaveUp) contended.withdraw();
    }
    if (gaveUp) this.kick();
    this.#forgetIfIdle();
  }

  #forgetIfIdle(): void {
    if (!this.#armed && !this.#blocked && this.#claims === 0 && !this.hasWaiters) queues.delete(this.identity);
  }

  #setBit(): void {
    if (this.base >= 0) setThreadBit(this.words, this.base, currentThread());
  }

  #clearBit(): void {
    if (this.base >= 0) clearThreadBit(this.words, this.base, currentThread());
  }
}

/** Sets the bit of `thread` in the two-word bitmap at `base`. */
export function setThreadBit(words: Int32Array, base: number, thread: number): void {
  Atomics.or(words, base + (thread >>> 5), 1 << (thread & 31));
}

/** Clears the bit of `thread` in the two-word bitmap at `base`. Returns whether it was set. */
export function clearThreadBit(words: Int32Array, base: number, thread: number): boolean {
  const bit = 1 << (thread & 31);
  return (Atomics.and(words, base + (thread >>> 5), ~bit) & bit) !== 0;
}
