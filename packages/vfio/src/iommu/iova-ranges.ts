/** Lists of disjoint ranges of I/O virtual addresses in ascending order, ends included. Pure; used by `groups.ts`. */
import { LAST_ADDRESS } from './page.js';

/** Addresses from `start` to `last`, both included. */
export interface IovaRange {
  readonly start: bigint;
  readonly last: bigint;
}

/** `ranges` without the addresses of `hole`. */
export function exclude(ranges: readonly IovaRange[], hole: IovaRange): IovaRange[] {
  return ranges.flatMap((range) => {
    if (hole.last < range.start || hole.start > range.last) return [range];
    const parts: IovaRange[] = [];
    if (hole.start > range.start) parts.push({ start: range.start, last: hole.start - 1n });
    if (hole.last < range.last) parts.push({ start: hole.last + 1n, last: range.last });
    return parts;
  });
}

/** The parts of `ranges` within `aperture`. */
export function clip(ranges: readonly IovaRange[], aperture: IovaRange): readonly IovaRange[] {
  const { start, last } = aperture;
  const above = start === 0n ? ranges : exclude(ranges, { start: 0n, last: start - 1n });
  return last === LAST_ADDRESS ? above : exclude(above, { start: last + 1n, last: LAST_ADDRESS });
}

/** True if one of `ranges` holds all of `range`. */
export function holds(ranges: readonly IovaRange[], range: IovaRange): boolean {
  return ranges.some(({ start, last }) => start <= range.start && range.last <= last);
}
