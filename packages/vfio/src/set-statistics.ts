/**
 * What the mutexes of device sets have counted, for `supervise.ts`. Sets of one device live as short as their devices, so one
 * that ends adds its counters to sums in shared memory, and living sets are read where they are.
 * Owner rule of the sums: any thread, by atomic add. A set is added once: by whoever takes it away.
 */
import type { LockStats, Mutex } from '@mediated/core/sync';

const COUNTED = ['acquisitions', 'contended', 'handoffs', 'ownerDeaths'] as const;

/** Words of the sums. */
export const SET_STATISTICS_WORDS = COUNTED.length;

export class SetStatistics {
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(words: Int32Array<SharedArrayBuffer>) {
    this.#words = words;
  }

  /** A set ends; nobody uses its mutex any more. */
  add(mutex: Mutex): void {
    const stats = mutex.stats();
    for (const [at, counted] of COUNTED.entries()) {
      if (stats[counted] !== 0) Atomics.add(this.#words, at, stats[counted]);
    }
  }

  /** The sets that have ended and those that are given. */
  with(living: Iterable<Mutex>): LockStats {
    const [acquisitions, contended, handoffs, ownerDeaths] = COUNTED.map((_, at) => Atomics.load(this.#words, at));
    return sumOf(living, { acquisitions, contended, handoffs, ownerDeaths, waiting: 0 });
  }
}

/** Sums of what mutexes have counted, and of other sums. */
export function sumOf(mutexes: Iterable<Mutex>, others: LockStats = NOTHING): LockStats {
  const sum = { ...others };
  for (const mutex of mutexes) {
    const stats = mutex.stats();
    for (const counted of COUNTED) sum[counted] += stats[counted];
    sum.waiting += stats.waiting;
  }
  return sum;
}

const NOTHING: LockStats = { acquisitions: 0, contended: 0, handoffs: 0, ownerDeaths: 0, waiting: 0 };
