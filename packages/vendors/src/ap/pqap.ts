/**
 * How the instruction PQAP of a guest reaches the device that is attached to it: a command of the emulation's own on the
 * device's file, in place of the hook that the kernel's KVM calls (ap section 11). Used by guests and by the driver.
 */
import { defineStruct, type Struct } from '@mediated/vfio/uapi';

/** Not a number of the VFIO user API. */
export const GUEST_PQAP = 0x4150_0003;

/** The function of PQAP that controls interrupts: bits 24 to 31 of the first register's low word. */
export const AQIC_FUNCTION = 3n;

/** General registers 0 to 2; the command puts the queue's status into `gr1`. */
export const pqap: Struct<{ gr0: bigint; gr1: bigint; gr2: bigint; guest: number }> = defineStruct([
  ['gr0', 'u64'],
  ['gr1', 'u64'],
  ['gr2', 'u64'],
  ['guest', 'u32'],
]);
