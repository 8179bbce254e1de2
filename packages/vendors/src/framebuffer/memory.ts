/** Memory that a display shares with its clients. Called by mdpy and mbochs; pure. */
import { MediatedError } from '@mediated/core';
import { pageAlignedMemory } from '@mediated/vfio';

/**
 * `bytes` of shared memory that virtual machines can map too, zeroed; the operating system supplies its pages when they are
 * first touched. ENOMEM.
 */
export function allocateShared(bytes: number): Uint8Array<SharedArrayBuffer> {
  try {
    return pageAlignedMemory(bytes);
  } catch (cause) {
    throw new MediatedError('ENOMEM', `${bytes} bytes of shared memory cannot be had`, { cause });
  }
}
