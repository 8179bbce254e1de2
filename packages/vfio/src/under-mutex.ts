/**
 * Runs a step under a shared mutex: at once and as a plain call when the mutex is free and the step is synchronous,
 * else as a promise. Used for the mutexes of device sets and of the set registry.
 */
import { checkLockOrder, type Mutex } from '@mediated/core/sync';

/**
 * Runs `body` while holding `mutex` and returns what it returns; what it throws is thrown after the release.
 * An owner that died is no hindrance: what these mutexes protect is one word per step, or died with its owner.
 */
export function underMutex<T>(mutex: Mutex, body: () => T | Promise<T>): T | Promise<T> {
  checkLockOrder(mutex);
  if (!mutex.tryLock()) return mutex.lock().then(() => runHolding(mutex, body));
  return runHolding(mutex, body);
}

function runHolding<T>(mutex: Mutex, body: () => T | Promise<T>): T | Promise<T> {
  if (mutex.ownerDied) mutex.markConsistent();
  let result: T | Promise<T>;
  try {
    result = body();
  } catch (error) {
    mutex.unlock();
    throw error;
  }
  if (result instanceof Promise) return result.finally(() => mutex.unlock());
  mutex.unlock();
  return result;
}
