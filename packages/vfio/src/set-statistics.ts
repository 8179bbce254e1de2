/**
 * What the mutexes of device sets have counted, for `supervise.ts`. Most sets live as short as their devices, so a set
 * that ends adds its counters to sums in shared memory, and living sets are read where they are.
 * Owner rule of the sums: any thread, by atomic add. A set is added once: by whoever takes it away.
 */
import type { LockStats, Mutex } from '@mediated/core/sync';

const COUNTED = ['acquisitions', 'contended', 'handoffs', 'ownerDeaths'] as const;

/** Words of the sums of one kind of sets. */
export const SET_STATISTICS_WORDS = COUNTED.length;

export class SetStatistics {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #offset: number;

  constructor(words: Int32Array<SharedArrayBuffer>, offset: number) {
    this.#words = words;
    this.#offset = offset;
  }

  /** A set ends; nobody uses its mutex any more. */
  add(mutex: Mutex): void {
    const stats = mutex.stats();
    for (const [at, counted] of COUNTED.entries()) {
      if (stats[counted] !== 0) Atomics.add(this.#words, this.#offset + at, stats[counted]);
    }
  }

  /** The sets that have ended and those that are given. */
  with(living: Iterable<Mutex>): LockStats {
    const [acquisitions, contended, handoffs, ownerDeaths] = COUNTED.map((_, at) =>
      Atomics.load(this.#words, this.#offset + at),
    );
    const sum = { acquisitions, contended, handoffs, ownerDeaths, waiting: 0 };
    for (const mutex of living) {
      const stats = mutex.stats();
      for (const counted of COUNTED) sum[counted] += stats[counted];
      sum.waiting += stats.waiting;
    }
    return sum;
  }
}
