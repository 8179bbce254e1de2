/** `@mediated/core/sync`: locks over shared words, for threads that block and threads that await. */
export { markEventLoopThread, mayBlock } from './blocking.js';
export { Completion } from './completion.js';
export type { GuardCode, LockGuard, LockHandle, LockKind, LockOptions, LockStats } from './lock.js';
export { type LockRegionDescription, registerLockRegion } from './lock-region.js';
export { LockSpace, type LockSpaceHandle, type LockSpaceOptions, type RefCountOptions } from './lock-space.js';
export {
  checkLockOrder,
  declareLockOrder,
  enableLockDebug,
  heldLocks,
  type LockInversion,
  lockTask,
  onLockInversion,
} from './lockdep.js';
export { Mutex } from './mutex.js';
export { RefCount, type RefCountKind } from './ref-count.js';
export { RwSemaphore } from './rw-semaphore.js';
export { Semaphore } from './semaphore.js';
export { Srcu } from './srcu.js';
export {
  currentThread,
  type DeathCallback,
  MAX_THREADS,
  type ReapOptions,
  ThreadTable,
  type WatchOptions,
} from './threads.js';
export type { LockWaitNotice } from './wait-channels.js';
export type { WaitOptions } from './wait-options.js';
