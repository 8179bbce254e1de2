/**
 * What an explored thread may begin later: pending `Atomics.waitAsync`, timers and immediates. Which of them begins, and
 * when, is the scheduler's choice (`event-loop.ts`). Private to the thread, except for the words that tell the scheduler
 * that there are tasks to begin (TASKS) and that time may pass (TIMED), written with the token.
 */
import type { ControlMemory } from './control-memory.js';
import {
  GRANTED,
  TASKS,
  threadRow,
  TICKETS,
  TIMED,
  TIMED_BUFFER,
  TIMED_OFFSET,
  UNUSED,
  WAITER_BUFFER,
  WAITER_OFFSET,
  WAITER_STATE,
  WAITER_TICKET,
  waiterRow,
} from './layout.js';
import { VirtualClock } from './virtual-clock.js';
import { type TimerOwner, VirtualTimer } from './virtual-timer.js';
import { Xorshift } from './xorshift.js';

const realImmediate = setImmediate;
/** Timers of so many milliseconds and more only keep a process alive. */
const NEVER = 2 ** 30;

/** What a notified or timed-out `Atomics.waitAsync` becomes. */
export type WaitResult = 'ok' | 'timed-out';

interface PendingWait {
  readonly resolve: (result: WaitResult) => void;
  readonly deadline: number;
}

/** Tasks of one explored thread. */
export class Tasks implements TimerOwner {
  readonly clock: VirtualClock;
  readonly #words: Int32Array;
  readonly #row: number;
  readonly #waits = new Map<number, PendingWait>();
  readonly #timers = new Set<VirtualTimer>();
  readonly #immediates = new Map<number, () => void>();
  #random = new Xorshift(1);

  constructor(memory: ControlMemory, thread: number) {
    this.#words = memory.words;
    this.clock = new VirtualClock(memory, thread);
    this.#row = threadRow(thread);
  }

  /** Forgets everything; a new execution begins. */
  reset(seed: number): void {
    this.#waits.clear();
    this.#timers.clear();
    this.#immediates.clear();
    this.#random = new Xorshift((seed * 2 + 1) | 0);
  }

  /** True while something is left that could begin. */
  get pending(): boolean {
    return this.#waits.size > 0 || this.#timers.size > 0 || this.#immediates.size > 0;
  }

  /** True while immediates are left to begin: a thread ends after them. */
  get hasImmediates(): boolean {
    return this.#immediates.size > 0;
  }

  /** The next number from 0 to 1 of `Math.random`. */
  random(): number {
    return this.#random.next() / 2 ** 32;
  }

  /** A wait that `Atomics.waitAsync` has begun. */
  addWait(waiter: number, timeout: number): Promise<WaitResult> {
    return new Promise((resolve) => {
      this.#waits.set(waiter, { resolve, deadline: this.clock.after(timeout) });
    });
  }

  /** Starts a timer. */
  addTimer(run: () => void, delay: number, repeats: boolean): VirtualTimer {
    const timer = new VirtualTimer(this, run, Math.max(1, delay || 1), repeats);
    this.arm(timer);
    return timer;
  }

  /** Starts a timer anew. */
  arm(timer: VirtualTimer): void {
    timer.due = this.clock.after(timer.delay);
    this.#timers.delete(timer);
    this.#timers.add(timer);
  }

  /** Stops a timer. */
  clear(timer: VirtualTimer): void {
    this.#timers.delete(timer);
  }

  /** Has something run when the event loop comes to it. */
  addImmediate(run: () => void): number {
    const ticket = ++this.#words[TICKETS];
    this.#immediates.set(ticket, run);
    this.#words[this.#row + TASKS]++;
    return ticket;
  }

  /** Takes an immediate back. */
  clearImmediate(ticket: number): void {
    if (this.#immediates.delete(ticket)) this.#words[this.#row + TASKS]--;
  }

  /** Tells the scheduler whether time may pass for this thread, and for what. */
  announceTime(): void {
    const words = this.#words;
    const row = this.#row;
    const first = this.#earliest();
    words[row + TIMED] = first === undefined ? 0 : 1;
    if (first === undefined) return;
    const isTimer = first instanceof VirtualTimer;
    words[row + TIMED_BUFFER] = isTimer ? -1 : words[waiterRow(first) + WAITER_BUFFER];
    words[row + TIMED_OFFSET] = isTimer ? 0 : words[waiterRow(first) + WAITER_OFFSET];
    this.clock.setDeadline(isTimer ? first.due : this.#deadline(first));
  }

  /** Begins the task that has been ready for longest. */
  beginOldest(): void {
    const words = this.#words;
    words[this.#row + TASKS]--;
    let oldest = Number.POSITIVE_INFINITY;
    let granted = -1;
    for (const waiter of this.#waits.keys()) {
      const at = waiterRow(waiter);
      if (words[at + WAITER_STATE] !== GRANTED || words[at + WAITER_TICKET] > oldest) continue;
      oldest = words[at + WAITER_TICKET];
      granted = waiter;
    }
    const immediate = Math.min(...this.#immediates.keys());
    if (immediate < oldest) {
      const run = this.#immediates.get(immediate);
      this.#immediates.delete(immediate);
      run?.();
    } else this.#finishWait(granted, 'ok');
  }

  /** Begins what {@link announceTime} announced. */
  beginTimed(): void {
    const first = this.#earliest();
    if (first === undefined) return;
    if (!(first instanceof VirtualTimer)) {
      this.#finishWait(first, 'timed-out');
      return;
    }
    if (first.repeats) this.arm(first);
    else this.clear(first);
    first.run();
  }

  /** Lets the microtasks run until none is left. */
  microtasks(): Promise<void> {
    return new Promise((resolve) => realImmediate(resolve));
  }

  /** Lets everything that is awaited go on, to unwind. */
  async abandon(): Promise<void> {
    while (this.#waits.size > 0) {
      for (const [waiter, { resolve }] of [...this.#waits]) {
        this.#waits.delete(waiter);
        resolve('ok');
      }
      await this.microtasks();
    }
    this.#timers.clear();
    this.#immediates.clear();
    await this.microtasks();
  }

  #finishWait(waiter: number, result: WaitResult): void {
    const wait = this.#waits.get(waiter);
    this.#waits.delete(waiter);
    this.#words[waiterRow(waiter) + WAITER_STATE] = UNUSED;
    wait?.resolve(result);
  }

  #deadline(waiter: number): number {
    return this.#waits.get(waiter)?.deadline ?? Number.POSITIVE_INFINITY;
  }

  /** The timer, or pending wait, that ends first. */
  #earliest(): VirtualTimer | number | undefined {
    let first: VirtualTimer | number | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const timer of this.#timers) {
      if (timer.delay >= NEVER || timer.due >= earliest) continue;
      first = timer;
      earliest = timer.due;
    }
    for (const [waiter, { deadline }] of this.#waits) {
      if (this.#words[waiterRow(waiter) + WAITER_STATE] === GRANTED || deadline >= earliest) continue;
      first = waiter;
      earliest = deadline;
    }
    return first;
  }
}
