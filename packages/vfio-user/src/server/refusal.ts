/** How a request is refused. */
import { type ErrnoName, MediatedError } from '@mediated/core';

export function refusal(code: ErrnoName, message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'vfio-user' });
}

/** EINVAL unless a payload has at least, or exactly, so many bytes. */
export function assertBytes(payload: Uint8Array, least: number, most = Number.POSITIVE_INFINITY): void {
  if (payload.length >= least && payload.length <= most) return;
  throw refusal('EINVAL', `a payload of ${payload.length} bytes; ${least} are read`);
}
