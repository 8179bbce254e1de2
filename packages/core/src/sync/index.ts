/** `@mediated/core/sync`: locks over shared words, for threads that block and threads that await. */
export { markEventLoopThread, mayBlock } from './blocking.js';
export type { GuardCode, LockGuard, LockHandle, LockKind, LockOptions, LockStats } from './lock.js';
export {
  declareLockOrder,
  enableLockDebug,
  heldLocks,
  type LockInversion,
  lockTask,
  onLockInversion,
} from './lockdep.js';
export { Mutex } from './mutex.js';
export { currentThread, type DeathCallback, MAX_THREADS, type ReapOptions, ThreadTable, type WatchOptions } from './threads.js';
export type { WaitOptions } from './wait-options.js';
