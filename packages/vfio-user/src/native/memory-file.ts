/** Files without a name in memory (memfd): what two processes map to share it. */
import { ftruncateSync } from 'node:fs';
import { Descriptor, type Ledger } from './ledger.js';
import { checked, libc } from './libc.js';

const MFD_CLOEXEC_ALLOW_SEALING = 3;
const F_ADD_SEALS = 1033;
const F_SEAL_SHRINK = 2;

/** A file of zeros. */
export function createMemoryFile(name: string, bytes: number, ledger: Ledger): Descriptor {
  const descriptor = new Descriptor(checked(libc.memfdCreate(name, MFD_CLOEXEC_ALLOW_SEALING), 'memfd_create'), ledger);
  ftruncateSync(descriptor.number, bytes);
  keepFromShrinking(descriptor);
  return descriptor;
}

/**
 * A store behind the end of a mapped file kills the process, so nobody shall shorten one that is mapped. Some files cannot
 * be sealed: whoever has sent such a file is trusted.
 */
export function keepFromShrinking({ number }: Descriptor): void {
  libc.fcntl(number, F_ADD_SEALS, F_SEAL_SHRINK);
}
