/**
 * Where things are in the event log's memory. Written by `event-log.ts`, read by `event-reader.ts`; the owner rules
 * stand in the former.
 */

/** The sequence number last given out. */
export const SEQUENCE = 0;
/** Bumped and notified once per event while a reader sleeps (SLEEPERS > 0). */
export const WAKE = 16;
export const SLEEPERS = 17;
/** Lanes that were ever written to; only raised, by the thread that writes for the first time. */
export const LANES = 18;
/** Records that were begun by threads which died. */
export const VOIDS = 19;
export const HEADER_WORDS = 32;

const LANE_HEADER_WORDS = 16;
/** Records of a lane; a power of two. */
export const RECORDS = 2048;
const RECORD_WORDS = 48;
/** A lane: its STATE word, then its records. */
export const LANE_WORDS = LANE_HEADER_WORDS + RECORDS * RECORD_WORDS;

/** Words of a record before its body: its sequence number, and how many words the body has. */
export const NUMBER = 0;
export const LENGTH = 1;
export const BODY = 2;
/** Most words of a record's body. */
export const EVENT_WORDS = RECORD_WORDS - BODY;

/** Word offset of a lane's STATE. */
export function laneState(lane: number): number {
  return HEADER_WORDS + lane * LANE_WORDS;
}

/** Word offset of a lane's record number `count`. */
export function laneRecord(lane: number, count: number): number {
  return HEADER_WORDS + lane * LANE_WORDS + LANE_HEADER_WORDS + (count & (RECORDS - 1)) * RECORD_WORDS;
}
