/**
 * Decides when a thread looks into its inbox: drain, spin for a bounded while, then sleep until somebody rings.
 * One per endpoint, on that endpoint's thread. It never blocks the event loop: a spin lasts less than half a
 * millisecond and only while cores are free, timers and ports get their turn every few milliseconds.
 */
import { availableParallelism } from 'node:os';
import type { SlotViews } from './packing.js';
import { awakeThreads, countersOf, PARKED, rowOf } from './segment.js';
import { PARKS, SPINS_PAID } from './statistics.js';

/** A spin is worth trying when the last sleep was shorter than this, in milliseconds. */
const SHORT_SLEEP = 0.5;
/**
 * Spin before parking, in milliseconds: the usual one, and the longest. Two threads that work for each other and sleep
 * in turns are stuck in that rhythm when waking takes longer than the spin (0.05 to 0.15 ms on virtual machines): a
 * spin in vain that was followed by a brief sleep doubles the next one; a longer sleep, which says that others want the
 * core, brings it back.
 */
const SPIN = 0.1;
const LONGEST_SPIN = 0.4;
const BRIEF_SLEEP = 0.25;
/**
 * Spins in vain that a thread may make before it stops trying: a spin that finds nothing because another process has the
 * peer's core only keeps the peer waiting longer. One that pays earns the credit back; after so many sleeps without any
 * spin two more are granted, for the machine may be quiet again.
 */
const CREDIT = 16;
const PROBATION = 2;
const SLEEPS_WITHOUT_CREDIT = 128;
/** An inbox that had this many messages since the last sleep is busy. */
const BUSY = 32;
/** The event loop gets a turn after this many milliseconds of uninterrupted work. */
const SLICE = 4;
/**
 * Microtasks that a drain's continuations get before this thread spins: a reply may wake its asker only through several
 * promises (`Promise.all`, layers of async functions), and a spin before that would hold up the asker's next message.
 */
const CONTINUATIONS = 8;
const CORES = availableParallelism();
/** What follows it is a microtask, at a third of the cost of `queueMicrotask`, which makes a resource of every one. */
const NOW = Promise.resolve();

/** What the pump drives. */
export interface PumpTarget {
  /** Handles what has arrived; returns how many messages. */
  drain(): number;
  /** True when something waits to be drained. */
  isReady(): boolean;
  /** As `isReady` at a fraction of its cost, but may miss what is only just there: for who looks again and again. */
  glance(): boolean;
  /** True when a drain resolved promises whose continuations should run before more is drained; reading clears it. */
  takeMicrotaskDebt(): boolean;
  /** Called before sleeping; lets the process end when nothing is awaited. */
  idle(): void;
}

export class Pump {
  readonly #words: Int32Array;
  readonly #parkedAt: number;
  readonly #counters: number;
  readonly #doubles: Float64Array;
  readonly #target: PumpTarget;
  readonly #run = () => this.#turn();
  #scheduled = false;
  #continuations = 0;
  #parked = false;
  #sleeping = false;
  #closed = false;
  #sliceStart = 0;
  #sleptAt = 0;
  #lastSleep = 0;
  #spinFor = SPIN;
  #credit = CREDIT;
  #sleepsWithoutCredit = 0;
  /** Messages since the last sleep. */
  #drained = 0;
  #spunInVain = false;

  constructor(views: SlotViews, thread: number, target: PumpTarget) {
    this.#words = views.words;
    this.#doubles = views.doubles;
    this.#parkedAt = rowOf(thread) + PARKED;
    this.#counters = countersOf(thread);
    this.#target = target;
  }

  /**
   * Drains at the next microtask: at the start, and after a blocking ask slept on the word on which this pump relies
   * to be woken.
   */
  look(): void {
    this.#schedule();
  }

  /** Called after an ask was sent: looks for the reply early when replies have been coming quickly. */
  expectReply(): void {
    if (this.#parked && !this.#scheduled && this.#spinPays()) this.#schedule();
  }

  close(): void {
    this.#closed = true;
    Atomics.store(this.#words, this.#parkedAt, 0);
    Atomics.notify(this.#words, this.#parkedAt);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    void NOW.then(this.#run);
  }

  #coresFree(): boolean {
    return CORES > 1 && awakeThreads(this.#words) <= CORES;
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    if (this.#parked) this.#unpark();
    for (let drains = 1; ; drains++) {
      const drained = this.#target.drain();
      if (drained !== 0) {
        this.#drained += drained;
        if ((drains & 7) === 0 && performance.now() - this.#sliceStart > SLICE) return this.#yield();
        if (!this.#target.takeMicrotaskDebt()) continue;
        if (performance.now() - this.#sliceStart > SLICE) return this.#yield();
        this.#continuations = CONTINUATIONS;
        return this.#schedule();
      }
      if (this.#continuations !== 0) {
        this.#continuations--;
        return this.#schedule();
      }
      if (this.#spinPays()) {
        // Sleeping would give the event loop its turn too, but waking takes far longer than one turn.
        if (performance.now() - this.#sliceStart > SLICE) return this.#yield();
        if (this.#spin()) continue;
      }
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

  /**
   * Whether work is likely to come before a sleeper could be woken: the last sleep was short, or much has come since.
   * The second tells a busy inbox from an idle one where waking itself takes long.
   */
  #spinPays(): boolean {
    return this.#credit > 0 && (this.#lastSleep < SHORT_SLEEP || this.#drained >= BUSY) && this.#coresFree();
  }

  #spin(): boolean {
    const start = performance.now();
    do {
      for (let looks = 0; looks < 64; looks++) {
        if (this.#target.glance()) {
          this.#doubles[this.#counters + SPINS_PAID]++;
          if (this.#credit < CREDIT) this.#credit++;
          return true;
        }
      }
    } while (performance.now() - start < this.#spinFor && this.#coresFree());
    this.#spunInVain = true;
    this.#credit--;
    return false;
  }

  /** Goes to sleep. Returns false when something arrived in the meantime. */
  #park(): boolean {
    const parked = this.#parkedAt;
    Atomics.store(this.#words, parked, 1);
    if (this.#target.isReady() && Atomics.compareExchange(this.#words, parked, 1, 0) === 1) return false;
    this.#doubles[this.#counters + PARKS]++;
    this.#parked = true;
    if (this.#credit === 0 && ++this.#sleepsWithoutCredit === SLEEPS_WITHOUT_CREDIT) {
      this.#sleepsWithoutCredit = 0;
      this.#credit = PROBATION;
      this.#spinFor = SPIN;
    }
    this.#drained = 0;
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
    if (this.#lastSleep >= BRIEF_SLEEP) this.#spinFor = SPIN;
    else if (this.#spunInVain) this.#spinFor = Math.min(this.#spinFor * 2, LONGEST_SPIN);
    this.#spunInVain = false;
    Atomics.compareExchange(this.#words, this.#parkedAt, 1, 0);
  }
}
