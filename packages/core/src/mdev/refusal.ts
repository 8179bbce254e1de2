/** Turns the negative errnos of the protocols into errors that say what went wrong, with what, and what to do. */
import { type ErrnoName, errnoName } from '../errno.js';
import { isMediatedError, MediatedError } from '../errors.js';

const ADVICE: Partial<Record<ErrnoName, string>> = {
  EEXIST: 'this UUID is in use by a live or vanishing device; choose another or remove that one first',
  EUSERS: 'every instance that the parent allows is in use; remove a device first',
  ENODEV: 'it is gone or its parent is being unregistered',
  EINVAL: 'the parent is being unregistered',
  EAGAIN: 'its creation is not finished or another removal has claimed it; try again later',
  ENOMEM: 'no device slot is left; start the runtime with a larger maxDevices',
};

/** The error for a negative errno. `subject` names what the operation was for. */
export function refusal(negative: number, syscall: string, subject: string): MediatedError {
  const code = errnoName(-negative);
  return new MediatedError(code, `${syscall} ${subject}: ${ADVICE[code] ?? 'refused'}`, { syscall });
}

/**
 * Throws what a caller sees when a parent's actor did not answer. An actor that has stopped, or whose thread ended after
 * the parent was unregistered, is a device that is gone; a thread that died under a registered parent stays EIO.
 */
export function asGone(error: unknown, syscall: string, subject: string, registered: boolean): never {
  if (isMediatedError(error, 'ESHUTDOWN') || (!registered && isMediatedError(error, 'EIO'))) {
    throw new MediatedError('ENODEV', `${syscall} ${subject}: ${ADVICE.ENODEV}`, { syscall });
  }
  throw error;
}
