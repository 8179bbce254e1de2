/** Memory that a display shares with its clients. Called by mdpy and mbochs; pure. */
import { MediatedError } from '@mediated/core';

/** `bytes` of shared memory, zeroed; the operating system supplies its pages when they are first touched. ENOMEM. */
export function allocateShared(bytes: number): Uint8Array<SharedArrayBuffer> {
  try {
    return new Uint8Array(new SharedArrayBuffer(bytes));
  } catch (cause) {
    throw new MediatedError('ENOMEM', `${bytes} bytes of shared memory cannot be had`, { cause });
  }
}
