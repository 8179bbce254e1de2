/**
 * Which threads may block. Blocking an event loop would stop everything that lives on it, so the blocking (`...Sync`)
 * forms of all locks ask here first. One flag per thread, set once, never cleared.
 */
import { isMainThread } from 'node:worker_threads';
import { MediatedError } from '../errors.js';

let runsEventLoop = isMainThread;

/** Declares that other work lives on this thread's event loop: blocking forms throw EDEADLK from now on. */
export function markEventLoopThread(): void {
  runsEventLoop = true;
}

/** True if the blocking forms may be used on this thread. */
export function mayBlock(): boolean {
  return !runsEventLoop;
}

/** EDEADLK if this thread must not block. */
export function assertMayBlock(operation: string, awaiting: string): void {
  if (runsEventLoop) {
    throw new MediatedError('EDEADLK', `${operation}() would block an event loop; use await ${awaiting}()`, {
      syscall: operation,
    });
  }
}
