/**
 * Where the words of an arena lie. Used by `arena.ts`, and by tests that bring about a death in mid-operation.
 *
 * | words | content | written by |
 * |---|---|---|
 * | 0..15 | `TOP`, `ATTACHED` | any thread, compare-and-swap |
 * | 64 lines of 16 | a thread's free lists and rest of a chunk | that thread; the supervisor once it is dead |
 * | 64 lines of 16 | a thread's pins | that thread; the supervisor once it is dead; read by all |
 * | one per chunk | id + 1 of the thread that claimed the chunk, for ever | compare-and-swap from 0 |
 * | `slotWords` per slot | generation, owner and link, payload | see `arena.ts` |
 *
 * Lines are 64 bytes, so that two threads' lines never share a cache line.
 */
import { MAX_THREADS } from '../sync/threads.js';

/** Words of one cache line. */
const LINE_WORDS = 16;

/** Slots that a thread claims at a time. */
export const CHUNK_SLOTS = 32;

/** Global word: chunks below it are claimed. It may lag one behind the claims, never lead. */
export const TOP = 0;
/** Global word: one more than the highest thread id that ever attached. */
export const ATTACHED = 1;

/** A thread's private line: two list heads (slot + 1, 0 = empty), length of the cooling list, rest of the chunk. */
export const READY = 0;
export const COOLING = 1;
export const COOLING_COUNT = 2;
export const CHUNK_NEXT = 3;
export const CHUNK_END = 4;

/** Slots that one thread can pin at the same time. */
export const PINS = 3;

/** Words of a slot; the payload starts at {@link SLOT_PAYLOAD}. */
export const GENERATION = 0;
export const OWNER = 1;
export const SLOT_PAYLOAD = 2;

/** The owner word holds the thread id + 1 in its low seven bits, and above them the link of a free slot. */
export const OWNER_BITS = 7;
export const OWNER_MASK = (1 << OWNER_BITS) - 1;

/** Slots that one arena can have: the link is 25 bits and 0 means none. */
export const MAX_SLOTS = (1 << (32 - OWNER_BITS)) - 1;

const PRIVATE_LINES = LINE_WORDS;
const PIN_LINES = PRIVATE_LINES + MAX_THREADS * LINE_WORDS;
/** First word of the chunk owners. */
export const CHUNK_OWNERS = PIN_LINES + MAX_THREADS * LINE_WORDS;

/** First word of a thread's private line. */
export function privateLine(thread: number): number {
  return PRIVATE_LINES + thread * LINE_WORDS;
}

/** First word of a thread's pins. */
export function pinLine(thread: number): number {
  return PIN_LINES + thread * LINE_WORDS;
}

/** Chunks of an arena; the last may be short. */
export function chunkCount(capacity: number): number {
  return Math.ceil(capacity / CHUNK_SLOTS);
}

/** First word of slot 0. */
export function slotsStart(capacity: number): number {
  return CHUNK_OWNERS + Math.ceil(chunkCount(capacity) / LINE_WORDS) * LINE_WORDS;
}
