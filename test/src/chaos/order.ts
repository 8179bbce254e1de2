/**
 * How a thread is told to end itself: the supervisor writes an order, the thread meets it at one of its dangerous places,
 * between two steps of something that must not be left half-done, and there exits or loops for ever.
 *
 * Owner rules. KIND: from NONE by the supervisor, back to NONE by the supervisor before the thread's next life; LOOPING is
 * set by the thread. COUNTDOWN: written by the supervisor before KIND, then by the thread alone. PLACES: the thread.
 */
export const ORDER_WORDS = 3;
const KIND = 0;
const COUNTDOWN = 1;
/** Dangerous places that the thread has passed. */
export const PLACES = 2;

const NONE = 0;
const EXIT = 1;
const LOOP = 2;
const LOOPING = 3;

/** What a thread may be ordered to do. */
export type OrderKind = 'exit' | 'loop';

/** Supervisor: the thread is to end at the place after so many others. */
export function giveOrder(words: Int32Array, at: number, kind: OrderKind, countdown: number): void {
  Atomics.store(words, at + COUNTDOWN, countdown);
  Atomics.store(words, at + KIND, kind === 'exit' ? EXIT : LOOP);
}

/** Supervisor: the thread has ended. */
export function clearOrder(words: Int32Array, at: number): void {
  Atomics.store(words, at + KIND, NONE);
  Atomics.notify(words, at + PLACES);
}

/** Supervisor: the thread does nothing any more but loop. */
export function isLooping(words: Int32Array, at: number): boolean {
  return Atomics.load(words, at + KIND) === LOOPING;
}

/** Thread: a dangerous place. Returns unless it was ordered to end here. */
export function danger(words: Int32Array, at: number): void {
  Atomics.add(words, at + PLACES, 1);
  Atomics.notify(words, at + PLACES);
  const kind = Atomics.load(words, at + KIND);
  if (kind === NONE || kind === LOOPING || words[at + COUNTDOWN]-- > 0) return;
  if (kind === EXIT) process.exit(0);
  Atomics.store(words, at + KIND, LOOPING);
  Atomics.notify(words, at + PLACES);
  for (;;);
}
