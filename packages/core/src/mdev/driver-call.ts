/**
 * Calls driver callbacks: keeps what is synchronous synchronous, turns whatever goes wrong into a `MediatedError`,
 * refuses nonsense. Used by parent shards, on the device's thread.
 */
import { isMediatedError, MediatedError } from '../errors.js';

/** True for promises and what looks like one. */
export function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === 'object' && result !== null && typeof (result as { then?: unknown }).then === 'function';
}

/** What a callback threw, as the error its caller gets. */
export function driverFailure(driver: string, callback: string, error: unknown): MediatedError {
  if (isMediatedError(error)) return error;
  // A deferred probe reaches the writer of `create` as EAGAIN.
  if ((error as { code?: unknown } | null)?.code === 'EPROBE_DEFER') {
    return new MediatedError('EAGAIN', `${driver} defers the device`, { syscall: callback, cause: error });
  }
  const text = error instanceof Error ? error.message : String(error);
  return new MediatedError('EIO', `driver ${driver} failed in ${callback}: ${text}`, {
    syscall: callback,
    cause: error,
  });
}

/** The error of a callback that returned something it must not. */
export function driverNonsense(driver: string, callback: string, result: unknown, wanted: string): MediatedError {
  return new MediatedError('EIO', `driver ${driver} returned ${describe(result)} from ${callback}; ${wanted}`, {
    syscall: callback,
  });
}

function describe(result: unknown): string {
  return typeof result === 'object' ? Object.prototype.toString.call(result) : `${typeof result} ${String(result)}`;
}
