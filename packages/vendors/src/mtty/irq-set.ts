/**
 * The argument of VFIO_DEVICE_SET_IRQS and the check of its header that all drivers share (common section 4).
 * Called by a driver before it looks at the action. Pure.
 */
import { MediatedError } from '@mediated/core';

/** Flags of a {@link IrqSet}: exactly one kind of data, and by convention one action. */
export const IRQ_DATA_NONE = 0x01;
export const IRQ_DATA_BOOL = 0x02;
export const IRQ_DATA_EVENTFD = 0x04;
export const IRQ_ACTION_MASK = 0x08;
export const IRQ_ACTION_UNMASK = 0x10;
export const IRQ_ACTION_TRIGGER = 0x20;

const DATA_KINDS = IRQ_DATA_NONE | IRQ_DATA_BOOL | IRQ_DATA_EVENTFD;
const ACTIONS = IRQ_ACTION_MASK | IRQ_ACTION_UNMASK | IRQ_ACTION_TRIGGER;

/** What the caller of SET_IRQS hands over. All numbers are unsigned 32-bit. */
export interface IrqSet {
  flags: number;
  /** Which of the device's interrupt indexes. */
  index: number;
  start: number;
  count: number;
  /** What follows the header: nothing, a byte per interrupt, or a little-endian signed fd per interrupt. */
  data: Uint8Array;
}

/**
 * Checks everything but the action. `interrupts` is how many interrupts the index has, `indexes` how many indexes.
 * Errors: `EINVAL`. A count of 0 is valid as long as `start` is below `interrupts`.
 */
export function checkIrqSet({ flags, index, start, count, data }: IrqSet, interrupts: number, indexes: number): void {
  const kind = flags & DATA_KINDS;
  const bytesEach = kind === IRQ_DATA_EVENTFD ? 4 : kind === IRQ_DATA_BOOL ? 1 : 0;
  const valid =
    index < indexes &&
    count < 0xffffffff - start &&
    (flags & ~(DATA_KINDS | ACTIONS)) === 0 &&
    start < interrupts &&
    start + count <= interrupts &&
    (kind === IRQ_DATA_NONE || kind === IRQ_DATA_BOOL || kind === IRQ_DATA_EVENTFD) &&
    data.length >= count * bytesEach;
  if (!valid) throw new MediatedError('EINVAL', 'malformed interrupt set', { syscall: 'ioctl' });
}
