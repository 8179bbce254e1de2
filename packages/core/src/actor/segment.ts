/**
 * The shared segment of one actor system: a row of words per thread and two rings per ordered pair of threads.
 * Laid out once by the system, viewed by every attached thread. Pages are supplied by the operating system when
 * first touched, so the unused lanes of threads that never meet cost address space only.
 */
import { MAX_THREADS } from '../sync/threads.js';

/** Words of one message slot (64 bytes, one cache line). */
export const SLOT_WORDS = 16;
/** The word of a slot by which it is published: see `ring.ts`. */
export const SEAL = 1;
/** Slots of one ring; a power of two. */
export const RING_SLOTS = 512;

/**
 * Words of a thread's row. Owner rules:
 * PARKED      0 awake, 1 sleeping (awaiting or blocking). The thread sets 1; whoever wakes it swaps 1 for 0 and notifies.
 * STATE       ABSENT, ANNOUNCED (set by the supervisor when it makes ports to it), ATTACHED (set by the thread itself);
 *             `depart` makes it ABSENT again.
 * PEERS_LO/HI bit per thread id that ever sent to this thread. Set by the sender (or), never cleared.
 * NEWS        bumped (add) by whoever sets a PEERS bit or a DEATHS word of any thread, after it: the one word that
 *             this thread compares before it looks at those.
 * DEATHS      counts the lives that ended under this id. Written by `depart` only, so it does not change during a life:
 *             its lowest bits tell messages of one life from those of another.
 */
const ROW_WORDS = 32;
export const PARKED = 0;
export const STATE = 1;
export const PEERS_LO = 2;
export const PEERS_HI = 3;
export const DEATHS = 4;
export const NEWS = 5;

const ABSENT = 0;
export const ATTACHED = 1;
export const ANNOUNCED = 2;

/** Bits of DEATHS that travel with a message. */
export const LIFE_MASK = 0xff;

/** Statistics of a thread: doubles in the second half of its row, written by the thread alone, see `statistics.ts`. */
const FIRST_COUNTER = 16;
export const COUNTERS = 8;

/**
 * Word before the rows. HIGHEST: the highest thread id that ever attached, plus one; only ever raised, by the thread that
 * attaches.
 */
const SYSTEM_WORDS = 32;
const HIGHEST = 0;

/** Ring control words: TAIL is the producer's, HEAD and STARVED are on another line. */
export const RING_TAIL = 0;
export const RING_HEAD = 16;
/** 1 while the producer waits for room; set by the producer, swapped to 0 by the consumer that then wakes it. */
export const RING_STARVED = 17;
export const RING_HEADER_WORDS = 32;
const RING_WORDS = RING_HEADER_WORDS + RING_SLOTS * SLOT_WORDS;

const ROWS_END = SYSTEM_WORDS + MAX_THREADS * ROW_WORDS;
const TOTAL_WORDS = ROWS_END + MAX_THREADS * MAX_THREADS * 2 * RING_WORDS;

/** Reserves the segment of a new system, in bytes about 268 MiB of address space. */
export function createSegment(): SharedArrayBuffer {
  return new SharedArrayBuffer(TOTAL_WORDS * 4);
}

/** Word offset of a thread's row. */
export function rowOf(thread: number): number {
  return SYSTEM_WORDS + thread * ROW_WORDS;
}

/** Index of a thread's first statistics counter, in doubles. */
export function countersOf(thread: number): number {
  return (rowOf(thread) + FIRST_COUNTER) / 2;
}

/** Word offset of the ring that carries requests (or replies) from one thread to another. */
export function ringOf(from: number, to: number, replies: boolean): number {
  return ROWS_END + ((from * MAX_THREADS + to) * 2 + (replies ? 1 : 0)) * RING_WORDS;
}

/** Whether a thread has ever sent to another: the pages of rings between others need not be touched. */
export function hasPeer(words: Int32Array, thread: number, peer: number): boolean {
  const word = rowOf(thread) + (peer < 32 ? PEERS_LO : PEERS_HI);
  return (Atomics.load(words, word) & (1 << (peer & 31))) !== 0;
}

/** Wakes a thread if it sleeps. Any thread may call it. */
export function wake(words: Int32Array, thread: number): void {
  const parked = rowOf(thread) + PARKED;
  if (Atomics.load(words, parked) === 1 && Atomics.compareExchange(words, parked, 1, 0) === 1) {
    Atomics.notify(words, parked);
  }
}

/**
 * Marks a thread as gone, whether it left, died or never came, and wakes everybody, so that asks towards it are
 * rejected. The thread itself or the supervisor may call it; only the first call counts.
 */
export function depart(words: Int32Array, thread: number): void {
  const row = rowOf(thread);
  const state = Atomics.exchange(words, row + STATE, ABSENT);
  if (state === ABSENT) return;
  Atomics.add(words, row + DEATHS, 1);
  for (let peer = 0; peer < MAX_THREADS; peer++) {
    Atomics.add(words, rowOf(peer) + NEWS, 1);
    wake(words, peer);
  }
}

/** Makes a thread id count among those that {@link awakeThreads} looks at. */
export function raiseHighest(words: Int32Array, thread: number): void {
  for (let highest = Atomics.load(words, HIGHEST); highest <= thread; highest = Atomics.load(words, HIGHEST)) {
    Atomics.compareExchange(words, HIGHEST, highest, thread + 1);
  }
}

/** How many attached threads are awake. A moment's view, for deciding whether a spin takes a core from somebody. */
export function awakeThreads(words: Int32Array): number {
  const highest = Atomics.load(words, HIGHEST);
  let awake = 0;
  for (let thread = 0; thread < highest; thread++) {
    const row = rowOf(thread);
    if (Atomics.load(words, row + STATE) === ATTACHED && Atomics.load(words, row + PARKED) === 0) awake++;
  }
  return awake;
}
