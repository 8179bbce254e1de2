/**
 * The four regions through which a program talks to a device (ccw section 4): where their parts lie and what they are.
 * Used by `access.ts`, the state machine and GET_REGION_INFO; declarations only.
 */
import { CCW_REGION_SUBTYPES } from '@mediated/vfio/uapi';

/** A region begins at its index times this. */
export const REGION_SHIFT = 10;

export const REGION_IO = 0;
export const REGION_COMMAND = 1;
export const REGION_SCHIB = 2;
export const REGION_REPORT = 3;

/** Parts of the I/O region: where each begins, and its bytes. */
export const IO_REGION = {
  orb: { at: 0, bytes: 12 },
  scsw: { at: 12, bytes: 12 },
  irb: { at: 24, bytes: 96 },
  result: { at: 120, bytes: 4 },
} as const;

/** Parts of the region for asynchronous commands. */
export const COMMAND_REGION = { command: { at: 0, bytes: 4 }, result: { at: 4, bytes: 4 } } as const;

/** Asynchronous commands. */
export const COMMAND_HALT = 1;
export const COMMAND_CLEAR = 2;

/** Regions by index. Those with a subtype, which a capability tells, exist while the device is open. */
export const REGIONS: readonly { bytes: number; writable: boolean; subtype?: number }[] = [
  { bytes: 124, writable: true },
  { bytes: 8, writable: true, subtype: CCW_REGION_SUBTYPES.asyncCommand },
  { bytes: 52, writable: false, subtype: CCW_REGION_SUBTYPES.schib },
  { bytes: 8, writable: false, subtype: CCW_REGION_SUBTYPES.crw },
];
