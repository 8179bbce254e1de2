/**
 * Which steps of an execution came before which, and which of them race: depend on each other, made by different threads,
 * with nothing between them that forces their order. Called by the search after each execution.
 *
 * Vector clocks: a step knows, per thread, how many of that thread's steps came before it. What comes before a step: the
 * thread's earlier steps, earlier steps it depends on, and whatever woke or began the thread. Two steps that wake one thread
 * depend on each other, wherever.
 */
import { CELL_BYTES } from './control-memory.js';
import type { Execution } from './execution.js';
import { MAX_THREADS } from './layout.js';
import { CHANGES_QUEUE, facetsDepend, LOOKS_AT_QUEUE, READS, WRITES } from './operations.js';

/** Two steps whose order is a matter of chance; `first` came first. */
export interface Race {
  readonly first: number;
  readonly second: number;
}

const FACETS = [READS, WRITES, LOOKS_AT_QUEUE, CHANGES_QUEUE] as const;

/** The order of the first `length` steps of an execution. */
export class Causality {
  readonly races: Race[] = [];
  readonly #clocks: Int32Array;
  /** The how-manieth step of its thread a step is, from 1. */
  readonly #numbers: Int32Array;
  readonly #threads: Int32Array;

  /** Races are looked for whose second step is `from` or later. */
  constructor(execution: Execution, length: number, from: number) {
    this.#clocks = new Int32Array(length * MAX_THREADS);
    this.#numbers = new Int32Array(length);
    this.#threads = new Int32Array(length);
    const current = new Int32Array(MAX_THREADS * MAX_THREADS);
    // Per cell: the last step of each thread with each facet, + 1.
    const cells = new Map<number, Int32Array>();
    // Per thread: the last step of each thread that woke it, + 1.
    const wakers = new Int32Array(MAX_THREADS * MAX_THREADS);
    for (let step = 0; step < length; step++) {
      const thread = execution.thread(step);
      this.#threads[step] = thread;
      const clock = current.subarray(thread * MAX_THREADS, (thread + 1) * MAX_THREADS);
      const facets = execution.facets(step);
      if (facets !== 0) {
        const before = this.#before(execution, step, thread, facets, cells);
        this.#addWakers(execution.woken(step), step, wakers, before);
        if (step >= from) this.#findRaces(before, step, clock);
        for (const other of before) this.#join(clock, other);
      }
      clock[thread]++;
      this.#numbers[step] = clock[thread];
      this.#clocks.set(clock, step * MAX_THREADS);
      for (let woken = execution.woken(step); woken !== 0; woken &= woken - 1) {
        const other = 31 - Math.clz32(woken & -woken);
        this.#join(current.subarray(other * MAX_THREADS, (other + 1) * MAX_THREADS), step);
      }
    }
  }

  /** True if step `first` came before step `second`, whichever way chance goes. */
  precedes(first: number, second: number): boolean {
    return this.#clocks[second * MAX_THREADS + this.#threads[first]] >= this.#numbers[first];
  }

  /** The last steps of other threads on which this one depends; enters the step into the cells. */
  #before(
    execution: Execution,
    step: number,
    thread: number,
    facets: number,
    cells: Map<number, Int32Array>,
  ): number[] {
    const found: number[] = [];
    const buffer = execution.buffer(step);
    const offset = execution.offset(step);
    const last = Math.floor((offset + execution.byteLength(step) - 1) / CELL_BYTES);
    for (let cell = Math.floor(offset / CELL_BYTES); cell <= last; cell++) {
      const key = buffer * 2 ** 40 + cell;
      let steps = cells.get(key);
      if (steps === undefined) {
        steps = new Int32Array(MAX_THREADS * FACETS.length);
        cells.set(key, steps);
      }
      for (let other = 0; other < MAX_THREADS; other++) {
        if (other === thread) continue;
        let latest = 0;
        for (const [index, facet] of FACETS.entries()) {
          if (facetsDepend(facet, facets)) latest = Math.max(latest, steps[other * FACETS.length + index]);
        }
        if (latest > 0 && !found.includes(latest - 1)) found.push(latest - 1);
      }
      for (const [index, facet] of FACETS.entries())
        if ((facets & facet) !== 0) steps[thread * FACETS.length + index] = step + 1;
    }
    return found;
  }

  /** A thread begins its tasks in the order in which they were granted: so the order of two steps that wake it matters. */
  #addWakers(woken: number, step: number, wakers: Int32Array, before: number[]): void {
    const thread = this.#threads[step];
    for (let rest = woken; rest !== 0; rest &= rest - 1) {
      const row = (31 - Math.clz32(rest & -rest)) * MAX_THREADS;
      for (let other = 0; other < MAX_THREADS; other++) {
        const earlier = wakers[row + other] - 1;
        if (other !== thread && earlier >= 0 && !before.includes(earlier)) before.push(earlier);
      }
      wakers[row + thread] = step + 1;
    }
  }

  #findRaces(before: readonly number[], second: number, clock: Int32Array): void {
    for (const first of before) {
      if (clock[this.#threads[first]] >= this.#numbers[first]) continue;
      if (before.some((between) => between !== first && this.precedes(first, between))) continue;
      this.races.push({ first, second });
    }
  }

  #join(clock: Int32Array, step: number): void {
    const other = step * MAX_THREADS;
    for (let thread = 0; thread < MAX_THREADS; thread++) {
      if (this.#clocks[other + thread] > clock[thread]) clock[thread] = this.#clocks[other + thread];
    }
  }
}
