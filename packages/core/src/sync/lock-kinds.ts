/**
 * The kinds of locks as they stand in shared records: their number, their size, and what recovery does with one.
 * Used by `lock-space.ts` and `lock-region.ts`, which walk records without having opened them.
 */
import { Completion, COMPLETION_QUEUE } from './completion.js';
import type { LockKind } from './lock.js';
import { holdsMutex, MUTEX_WORDS, recoverMutex } from './mutex-words.js';
import {
  holdsTrackedRefCount,
  recoverRefCount,
  recoverTrackedRefCount,
  RefCount,
  TRACKED_REF_COUNT_WORDS,
} from './ref-count.js';
import { holdsRwSemaphore, recoverRwSemaphore, RW_SEMAPHORE_WORDS } from './rw-semaphore.js';
import { holdsSemaphore, recoverSemaphore, SEMAPHORE_WORDS } from './semaphore.js';
import { holdsSrcu, recoverSrcu, SRCU_WORDS } from './srcu.js';
import { isWaiting, recoverWaiters } from './wait-queue.js';

/** One kind of lock. */
export interface KindOfLock {
  /** Its number in record headers; never reused for another kind. */
  readonly number: number;
  /** Its size in 32-bit words. */
  readonly words: number;
  /** Frees the lock at `offset` of the dead `thread`. */
  recover(words: Int32Array, offset: number, thread: number): void;
  /** True if `thread` holds the lock or waits for it. */
  holds(words: Int32Array, offset: number, thread: number): boolean;
}

/** All kinds by name. */
export const LOCK_KINDS: Readonly<Record<LockKind, KindOfLock>> = {
  mutex: {
    number: 1,
    words: MUTEX_WORDS,
    recover: (words, offset, thread) => {
      recoverMutex(words, offset, thread, true);
    },
    holds: holdsMutex,
  },
  rwSemaphore: { number: 2, words: RW_SEMAPHORE_WORDS, recover: recoverRwSemaphore, holds: holdsRwSemaphore },
  semaphore: { number: 3, words: SEMAPHORE_WORDS, recover: recoverSemaphore, holds: holdsSemaphore },
  completion: {
    number: 4,
    words: Completion.WORDS,
    recover: (words, offset, thread) => recoverWaiters(words, offset + COMPLETION_QUEUE, thread),
    holds: (words, offset, thread) => isWaiting(words, offset + COMPLETION_QUEUE, thread),
  },
  // Without shares there is nothing to tell a dead thread's references from others'.
  refCount: { number: 5, words: RefCount.WORDS, recover: recoverRefCount, holds: () => false },
  trackedRefCount: {
    number: 6,
    words: TRACKED_REF_COUNT_WORDS,
    recover: recoverTrackedRefCount,
    holds: holdsTrackedRefCount,
  },
  srcu: { number: 7, words: SRCU_WORDS, recover: recoverSrcu, holds: holdsSrcu },
};

/** The kind with this number, if there is one. */
export function kindNumbered(number: number): KindOfLock | undefined {
  return BY_NUMBER[number];
}

const BY_NUMBER: (KindOfLock | undefined)[] = [];
for (const kind of Object.values(LOCK_KINDS)) BY_NUMBER[kind.number] = kind;
