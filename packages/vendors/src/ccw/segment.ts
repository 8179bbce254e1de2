/**
 * How the segments of a channel program are found and read (ccw section 5, cp_init). Called by `channel-program.ts`.
 * Reads guest memory, changes nothing.
 */
import { MediatedError } from '@mediated/core';
import { CCW, CCW0, CCW_FLAGS, TIC } from './architected.js';
import { readWord } from './bits.js';
import type { GuestMemory } from './guest-memory.js';
import type { Segment } from './segment-bounds.js';

/** Most CCWs of a segment; as many are always read. */
const SEGMENT_CCWS = 256;
/** Most segments of a program. */
export const SEGMENTS = 16;

/** Reads the segment at `guest`. Errors: what reading 2048 bytes there gives; EINVAL (more than 256 CCWs). */
export function readSegment(memory: GuestMemory, guest: number, format: number): Segment {
  const bytes = new Uint8Array(SEGMENT_CCWS * CCW.size);
  memory.read(guest, bytes);
  if (format === 0) convert(bytes);
  for (let ccw = 1; ccw <= SEGMENT_CCWS; ccw++) {
    if (goesOn(bytes, guest, ccw)) continue;
    return { guest, ccws: bytes.slice(0, ccw * CCW.size) };
  }
  throw new MediatedError('EINVAL', `${SEGMENT_CCWS} chained CCWs are the most`, { syscall: 'write' });
}

/** Targets of the segment's TICs, in their order. */
export function targets({ ccws }: Segment): number[] {
  const found: number[] = [];
  for (let at = 0; at < ccws.length; at += CCW.size) if (ccws[at] === TIC) found.push(readWord(ccws, at + 4));
  return found;
}

/** Whether the segment has more than `count` CCWs, to judge by the last of these. */
function goesOn(bytes: Uint8Array, guest: number, count: number): boolean {
  const at = (count - 1) * CCW.size;
  if ((bytes[at + 1] & (CCW_FLAGS.commandChaining | CCW_FLAGS.dataChaining)) !== 0) return true;
  if (bytes[at] !== TIC) return false;
  const target = readWord(bytes, at + 4);
  return target >= guest && target <= guest + at;
}

/** Makes format-1 CCWs of format-0 ones, in place. */
function convert(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += CCW.size) {
    const command = CCW0.get(bytes, 'command', at);
    const flags = CCW0.get(bytes, 'flags', at);
    const count = CCW0.get(bytes, 'count', at);
    const address = CCW0.get(bytes, 'address', at);
    const isTic = (command & 0x0f) === TIC;
    CCW.set(bytes, 'command', isTic ? TIC : command, at);
    CCW.set(bytes, 'flags', isTic ? 0 : flags, at);
    CCW.set(bytes, 'count', isTic ? 0 : count, at);
    CCW.set(bytes, 'address', address, at);
  }
}
