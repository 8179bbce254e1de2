/**
 * The words of a mutex and what recovery does with them. The protocol is described in `mutex.ts`; `rw-semaphore.ts` and
 * `srcu.ts` embed the same words.
 */
import { WAIT_WORDS } from './local-queue.js';
import { isWaiting, recoverWaiters } from './wait-queue.js';

/** Owner's thread id + 1 and the flags below; 0 when free. */
export const STATE = 0;
/** The waiting place (`local-queue.ts`). */
export const QUEUE = 1;
/** Thread id + 1 of the waiter that gets the lock next. Set and cleared by that thread only, or by its recovery. */
export const HEIR = QUEUE + WAIT_WORDS;
/** Statistics; written by the holder with plain stores. */
export const ACQUISITIONS = 6;
export const CONTENDED = 7;
export const HANDOFFS = 8;
/** Written by recovery. */
export const OWNER_DEATHS = 9;
export const MUTEX_WORDS = 10;

export const OWNER_MASK = 0xff;
/** Released in favour of the thread in the owner bits, which does not hold it yet. */
export const GRANTED = 0x100;
/** The last owner died holding it. Without owner bits: free, and the next owner is told. */
export const OWNER_DEAD = 0x200;

/**
 * Frees the mutex at `offset` of the dead `thread`. `passOn`: leave OWNER_DEAD for the next owner if it was held.
 * Returns true if it was held. Runs on the supervising thread; the heir's word goes first, because a granter looks at it
 * after it has granted.
 */
export function recoverMutex(words: Int32Array, offset: number, thread: number, passOn: boolean): boolean {
  const owner = thread + 1;
  Atomics.compareExchange(words, offset + HEIR, owner, 0);
  const granted = owner | GRANTED;
  Atomics.compareExchange(words, offset + STATE, granted, 0);
  const state = Atomics.load(words, offset + STATE);
  const held = (state & (OWNER_MASK | GRANTED)) === owner;
  if (held) {
    Atomics.add(words, offset + OWNER_DEATHS, 1);
    Atomics.store(words, offset + STATE, passOn ? OWNER_DEAD : 0);
  }
  takeBackGrant(words, offset);
  recoverWaiters(words, offset + QUEUE, thread);
  return held;
}

/**
 * A grant to a thread that is no heir any more: the granter would have seen that next, but may be the one that has died. An heir
 * that takes its grant owns the mutex before it clears the heir word, so no other heir is passed over.
 */
function takeBackGrant(words: Int32Array, offset: number): void {
  const state = Atomics.load(words, offset + STATE);
  if ((state & GRANTED) === 0 || Atomics.load(words, offset + HEIR) === (state & OWNER_MASK)) return;
  Atomics.compareExchange(words, offset + STATE, state, 0);
}

/** True if `thread` holds the mutex at `offset`, is its heir or waits for it. */
export function holdsMutex(words: Int32Array, offset: number, thread: number): boolean {
  return (Atomics.load(words, offset + STATE) & OWNER_MASK) === thread + 1 || isWaiting(words, offset + QUEUE, thread);
}
