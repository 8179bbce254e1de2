/**
 * What locks have counted, by name, and the memory of those that are gone: a parent that comes and goes keeps one row.
 * Supervising thread only; the counters themselves are the locks'.
 */
import type { LockKind, LockStats } from '../sync/lock.js';
import type { Semaphore } from '../sync/semaphore.js';

/** The counters of the locks of one name. What a kind of lock counts is said at its `stats`. */
export interface LockStatistics {
  /** `class: instance`, like `gate: card0`. */
  readonly name: string;
  readonly kind: LockKind;
  readonly stats: LockStats;
}

/** Names of which sums are kept; the oldest of more become one sum per kind. */
const MOST_NAMES = 4096;
const EARLIER = 'earlier locks';

export class LockHistory {
  readonly #most: number;
  readonly #past = new Map<string, LockStatistics>();
  readonly #earlier = new Map<string, LockStatistics>();

  constructor(most = MOST_NAMES) {
    this.#most = most;
  }

  /** A lock is about to be freed. */
  retire({ name, kind, stats }: LockStatistics): void {
    addTo(this.#past, { name, kind, stats: { ...stats, waiting: 0 } });
    if (this.#past.size <= this.#most) return;
    for (const [key, oldest] of this.#past) {
      this.#past.delete(key);
      addTo(this.#earlier, { ...oldest, name: EARLIER });
      return;
    }
  }

  /** Present locks and those that are gone, summed up by name and kind. */
  with(present: Iterable<LockStatistics>): LockStatistics[] {
    const sums = new Map([...this.#past, ...this.#earlier]);
    for (const lock of present) addTo(sums, lock);
    return [...sums.values()];
  }
}

/** What a named semaphore has counted. */
export function semaphoreStatistics(semaphore: Semaphore): LockStatistics {
  return { name: semaphore.name ?? 'semaphore', kind: 'semaphore', stats: semaphore.stats() };
}

function addTo(sums: Map<string, LockStatistics>, lock: LockStatistics): void {
  const key = `${lock.kind} ${lock.name}`;
  const sum = sums.get(key);
  sums.set(key, sum === undefined ? lock : { ...lock, stats: addStats(sum.stats, lock.stats) });
}

function addStats(a: LockStats, b: LockStats): LockStats {
  return {
    acquisitions: a.acquisitions + b.acquisitions,
    contended: a.contended + b.contended,
    handoffs: a.handoffs + b.handoffs,
    ownerDeaths: a.ownerDeaths + b.ownerDeaths,
    waiting: a.waiting + b.waiting,
  };
}
