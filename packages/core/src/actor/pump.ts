/**
 * Decides when a thread looks into its inbox: drain, spin for a bounded while, then sleep until somebody rings.
 * One per endpoint, on that endpoint's thread. It never blocks the event loop: a spin lasts at most some tens of
 * microseconds and only while cores are free, timers and ports get their turn every few milliseconds.
 */
import { availableParallelism } from 'node:os';
import { PARKED, PARKS, rowOf, SPINS_PAID, SYSTEM_THREADS } from './segment.js';

/** A spin pays when the last sleep was shorter than this, in milliseconds. */
const SHORT_SLEEP = 0.1;
/** Longest spin before parking, in milliseconds. */
const SPIN = 0.05;
/** The event loop gets a turn after this many milliseconds of uninterrupted work. */
const SLICE = 4;
const CORES = availableParallelism();

/** What the pump drives. */
export interface PumpTarget {
  /** Handles what has arrived; returns how many messages. */
  drain(): number;
  /** True when something waits to be drained. */
  isReady(): boolean;
  /** True when a drain resolved promises whose continuations should run before more is drained; reading clears it. */
  takeMicrotaskDebt(): boolean;
  /** Called before sleeping; lets the process end when nothing is awaited. */
  idle(): void;
}

export class Pump {
  readonly #words: Int32Array;
  readonly #row: number;
  readonly #target: PumpTarget;
  readonly #run = () => this.#turn();
  #scheduled = false;
  #parked = false;
  #sleeping = false;
  #closed = false;
  #sliceStart = 0;
  #sleptAt = 0;
  #lastSleep = 0;

  constructor(words: Int32Array, thread: number, target: PumpTarget) {
    this.#words = words;
    this.#row = rowOf(thread);
    this.#target = target;
  }

  /** Starts draining at the next microtask. */
  start(): void {
    this.#schedule();
  }

  /** Called after an ask was sent: looks for the reply early when replies have been coming quickly. */
  expectReply(): void {
    if (this.#parked && !this.#scheduled && this.#lastSleep < SHORT_SLEEP && this.#coresFree()) this.#schedule();
  }

  close(): void {
    this.#closed = true;
    Atomics.store(this.#words, this.#row + PARKED, 0);
    Atomics.notify(this.#words, this.#row + PARKED);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#run);
  }

  #coresFree(): boolean {
    return CORES > 1 && Atomics.load(this.#words, SYSTEM_THREADS) <= CORES;
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    if (this.#parked) this.#unpark();
    for (let drains = 1; ; drains++) {
      if (this.#target.drain() !== 0) {
        if ((drains & 7) === 0 && performance.now() - this.#sliceStart > SLICE) return this.#yield();
        if (!this.#target.takeMicrotaskDebt()) continue;
        if (performance.now() - this.#sliceStart > SLICE) return this.#yield();
        return this.#schedule();
      }
      if (this.#spin()) continue;
      if (this.#park()) return;
    }
  }

  /** Lets the event loop run, then goes on. */
  #yield(): void {
    this.#scheduled = true;
    setImmediate(() => {
      this.#sliceStart = performance.now();
      this.#turn();
    });
  }

  #spin(): boolean {
    if (this.#lastSleep >= SHORT_SLEEP || !this.#coresFree()) return false;
    const start = performance.now();
    if (start - this.#sliceStart > SLICE) return false;
    do {
      for (let looks = 0; looks < 64; looks++) {
        if (this.#target.isReady()) {
          this.#words[this.#row + SPINS_PAID]++;
          return true;
        }
      }
    } while (performance.now() - start < SPIN);
    return false;
  }

  /** Goes to sleep. Returns false when something arrived in the meantime. */
  #park(): boolean {
    const parked = this.#row + PARKED;
    Atomics.store(this.#words, parked, 1);
    if (this.#target.isReady() && Atomics.compareExchange(this.#words, parked, 1, 0) === 1) return false;
    this.#words[this.#row + PARKS]++;
    this.#parked = true;
    this.#sleptAt = performance.now();
    this.#target.idle();
    // A sleep that this thread ended itself left its waiter behind: the next ring wakes that one.
    if (this.#sleeping) return true;
    const sleep = Atomics.waitAsync(this.#words, parked, 1);
    if (!sleep.async) {
      this.#parked = false;
      return false;
    }
    this.#sleeping = true;
    void sleep.value.then(() => {
      this.#sleeping = false;
      this.#sliceStart = performance.now();
      if (!this.#scheduled) this.#turn();
    });
    return true;
  }

  #unpark(): void {
    this.#parked = false;
    this.#lastSleep = performance.now() - this.#sleptAt;
    Atomics.compareExchange(this.#words, this.#row + PARKED, 1, 0);
  }
}
