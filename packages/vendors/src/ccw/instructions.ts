/**
 * The I/O instructions of a subchannel, as the machine executes them (ccw section 1). Called by `subchannel.ts`; the
 * emulation is in `emulation/`. All finish at once; what they start ends with an interrupt.
 */
import type { HostStorage } from './storage.js';

/** 0: done. 1: status is pending. 2: busy. 3: not operational. */
export type ConditionCode = 0 | 1 | 2 | 3;

export interface SubchannelInstructions {
  /** Store subchannel: the SCHIB as it is; 3: there is no subchannel any more, nothing is stored. */
  stsch(schib: Uint8Array): 0 | 3;
  /** Modify subchannel: takes over the fields that a program may change. */
  msch(schib: Uint8Array): ConditionCode | 'program-check';
  /** Start subchannel: runs the channel program that lies in `storage`. */
  ssch(orb: Uint8Array, storage: HostStorage): ConditionCode;
  hsch(): ConditionCode;
  csch(): 0 | 3;
  /** Cancel subchannel: 0: a start that had not begun is undone. */
  xsch(): ConditionCode;
  /** Test subchannel: stores the IRB and clears the status; 1: none was pending. */
  tsch(irb: Uint8Array): 0 | 1 | 3;
}
