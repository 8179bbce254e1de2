/**
 * What type1 and an ioas refuse to a device, and with which errno (spec/vfio-core 9.6). Used by `device-access.ts`.
 */
import { type ErrnoName, MediatedError } from '@mediated/core';
import type { AddressSpace } from './address-space.js';
import { HEADER, STATE } from './layout.js';
import { bytesOf, hex, type Iova, LAST_ADDRESS } from './page.js';

/** EBUSY, EINVAL: a type1 container takes no pins at present. In the section. */
export function assertTakesPins(space: AddressSpace): void {
  if (space.words[HEADER.invalid] !== 0) throw invalidAddress();
  if (space.words[HEADER.devices] === 0) {
    throw failure('EINVAL', 'pin', 'no device of the container is told of unmaps');
  }
}

/** EPERM, EINVAL: a mapping in this state does not let the device read (or write). */
export function assertTransfer(
  state: number,
  write: boolean,
  rules: { readonly ioas: boolean; readonly hardware: boolean },
): void {
  const { ioas, hardware } = rules;
  if (ioas) {
    if ((state & STATE.blocked) !== 0) throw failure('EINVAL', 'dma', 'the mapping is being removed');
    if (write && (state & STATE.write) === 0) throw failure('EPERM', 'dma', 'the mapping is not writable');
    return;
  }
  // Type1 wants the right to read for writes too (quirk V6); hardware wants what it does.
  if ((state & STATE.read) === 0 && !(write && hardware)) throw failure('EPERM', 'dma', 'the mapping is not readable');
  if (write && (state & STATE.write) === 0) throw failure('EPERM', 'dma', 'the mapping is not writable');
  if ((state & STATE.orphan) !== 0 && !hardware) throw failure('EPERM', 'dma', 'the owner of the mapping is gone');
}

/** EOVERFLOW: an address and what follows it leave the space. A number is far below its end. */
export function assertEnd(iova: Iova, more: bigint, call: string): void {
  if (typeof iova === 'bigint' && iova + more > LAST_ADDRESS)
    throw failure('EOVERFLOW', call, `the range from ${hex(iova)} wraps`);
}

/** EINVAL, of an ioas ENOENT. */
export function unmappedPage(page: number, ioas: boolean, call: string): MediatedError {
  return failure(ioas ? 'ENOENT' : 'EINVAL', call, `nothing is mapped at ${hex(bytesOf(page))}`);
}

/** EBUSY. */
export function invalidAddress(): MediatedError {
  return failure('EBUSY', 'dma', "a mapping's user address is invalid at present");
}

/** An error of one of the calls of `DeviceDma`. */
export function failure(code: ErrnoName, syscall: string, message: string): MediatedError {
  return new MediatedError(code, message, { syscall });
}
