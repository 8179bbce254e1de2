/** What a segment of a channel program is, and what belongs to it. Pure; loaded by workqueue threads with `plan.ts`. */
import { CCW } from './architected.js';

/** CCWs that lie one behind the other in guest memory. */
export interface Segment {
  /** Address of its first CCW in guest memory. */
  readonly guest: number;
  /** Its CCWs in format 1; `ccws.length / 8` of them. */
  readonly ccws: Uint8Array;
}

/** Whether `address` is that of a CCW of the segment, or lies between two. */
export function contains({ guest, ccws }: Segment, address: number): boolean {
  return address >= guest && address <= guest + ccws.length - CCW.size;
}
