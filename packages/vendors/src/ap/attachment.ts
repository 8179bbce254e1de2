/**
 * A matrix device and its guest: attached from first open to last close (ap section 9), taken apart when the device is
 * gone. Under the bus's mutex.
 */
import { MediatedError } from '@mediated/core';
import type { ApMemory } from './ap-memory.js';
import { GuestRecord } from './guest-record.js';
import { freeInterrupt } from './interrupts.js';
import { emptyMask } from './masks.js';
import type { MatrixRecord } from './matrix-record.js';
import { resetQueues } from './reset.js';

/**
 * First open, by virtual machine number `kvm`; 0: by the guest that was connected to the device. EINVAL: neither; EPERM:
 * another device is attached to the guest. A machine without a crypto control block gets nothing, and the open succeeds.
 */
export function attach(ap: ApMemory, record: MatrixRecord, kvm: number): void {
  const guest = kvm === 0 ? record.connected : GuestRecord.ofMachine(ap, kvm);
  if (kvm === 0 && guest?.exists !== true) throw refused('EINVAL', 'no guest is connected to this device');
  if (guest?.crypto !== true) return;
  if (guest.hook >= 0) throw refused('EPERM', 'another device is attached to this guest');
  guest.hook = record.index;
  record.guest = guest;
  guest.setMasks(record.shadow);
}

/** Last close: the guest loses its masks before its queues are reset, so that it cannot use one that is being erased. */
export async function detach(ap: ApMemory, record: MatrixRecord): Promise<void> {
  const { guest } = record;
  if (guest === undefined) return;
  guest.setMasks([emptyMask(), emptyMask(), emptyMask()]);
  await resetQueues(ap, record.linked());
  // A reset that was given up leaves the registration; it must not outlive the guest's reference.
  for (const queue of record.linked()) freeInterrupt(ap, queue);
  guest.hook = -1;
  record.guest = undefined;
}

/** The device is gone: its queues are reset and belong to nobody. */
export async function dissolve(ap: ApMemory, record: MatrixRecord): Promise<void> {
  await detach(ap, record);
  const queues = record.linked();
  await resetQueues(ap, queues);
  for (const queue of queues) queue.link = -1;
  record.free();
}

function refused(code: 'EINVAL' | 'EPERM', message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'open' });
}
