/**
 * Reads and writes of the sample displays, whose files are one flat row of areas. Called by mdpy and mbochs on the
 * device's thread; a piece is undisturbed, a transfer as a whole is not atomic (mdpy section 3, mbochs section 3).
 */
import { MediatedError } from '@mediated/core';
import { splitAccess } from '../mtty/access.js';

/** Makes one access, whose bytes are `part`. Returns false where there is nothing. */
export type Piece = (position: number, part: Uint8Array) => boolean;

/**
 * Makes the naturally aligned accesses of 4, 2 and 1 bytes of which a transfer of `bytes` at `position` consists, in
 * order; returns the length. Errors: EFAULT when there is nothing under one of them; those before it have taken effect.
 */
export function transfer(syscall: 'read' | 'write', position: number, bytes: Uint8Array, piece: Piece): number {
  const done = splitAccess(position, bytes.length, (at, start, size) => piece(at, bytes.subarray(start, start + size)));
  if (done === bytes.length) return done;
  throw new MediatedError('EFAULT', `there is nothing at ${position + done} of the device`, { syscall });
}
