/**
 * Locks that lie inside other people's records (a mutex in each device slot): registering them for recovery.
 * Called by whoever owns the records, on the thread that reaps.
 */
import { LOCK_KINDS } from './lock-kinds.js';
import type { LockKind } from './lock.js';
import { registerRegion } from './recovery.js';

/** Locks of one kind at equal distances. */
export interface LockRegionDescription {
  readonly words: Int32Array<SharedArrayBuffer>;
  /** Index of the first lock's first word. */
  readonly first: number;
  /** Words from one lock to the next. */
  readonly stride: number;
  /** How many locks there are at present. Called at every recovery. */
  count(): number;
  readonly kind: LockKind;
}

/**
 * Has the locks of a region freed of every thread that is reaped on the calling thread. Returns the function that ends
 * this. Recovery looks at each lock once, so it takes time in proportion to `count()`.
 */
export function registerLockRegion(region: LockRegionDescription): () => void {
  const kind = LOCK_KINDS[region.kind];
  const { words, first, stride } = region;
  return registerRegion({
    recover: (thread) => {
      for (let index = 0, offset = first; index < region.count(); index++, offset += stride)
        kind.recover(words, offset, thread);
    },
    holds: (thread) => {
      for (let index = 0, offset = first; index < region.count(); index++, offset += stride) {
        if (kind.holds(words, offset, thread)) return true;
      }
      return false;
    },
  });
}
