/**
 * Time-outs and abort signals of waits: the options all locks share and the errors they end in.
 */
import { MediatedError } from '../errors.js';

/** How long a wait may take. */
export interface WaitOptions {
  /** Milliseconds until the wait fails with ETIMEDOUT; 0 tries once. Without it the wait has no end. */
  timeout?: number | undefined;
  /** Ends the wait with ECANCELED (`cause` is the signal's reason). Blocking forms look at it only before they block. */
  signal?: AbortSignal | undefined;
}

/** The error of a wait that took too long. */
export function timedOut(operation: string, timeout: number | undefined): MediatedError {
  return new MediatedError('ETIMEDOUT', `${operation} did not succeed within ${timeout ?? 0} ms`, {
    syscall: operation,
  });
}

/** The error of a wait that was aborted. */
export function canceled(operation: string, signal: AbortSignal): MediatedError {
  return new MediatedError('ECANCELED', `${operation} was aborted`, { syscall: operation, cause: signal.reason });
}

/** ECANCELED if the wait was aborted before it began. */
export function assertNotAborted(operation: string, options: WaitOptions | undefined): void {
  if (options?.signal?.aborted === true) throw canceled(operation, options.signal);
}

/** The options for the next phase of a wait that began at `started` (`performance.now()`). */
export function restOf(options: WaitOptions | undefined, started: number): WaitOptions | undefined {
  if (options?.timeout === undefined) return options;
  return { timeout: Math.max(0, options.timeout - (performance.now() - started)), signal: options.signal };
}
