/**
 * What a thread counts about itself: doubles in its row of the segment (exact up to 2^53), written by the thread alone,
 * readable from any thread.
 */
import { MAX_THREADS } from '../sync/threads.js';
import type { SlotViews } from './packing.js';
import { COUNTERS, countersOf, hasPeer, RING_HEAD, RING_TAIL, ringOf } from './segment.js';

/** Places of the counters, from `countersOf(thread)`. */
export const HANDLED = 0;
export const SENT = 1;
export const PARKS = 2;
export const SPINS_PAID = 3;
export const BACKLOGGED = 4;

/** What a thread did so far. */
export interface ThreadStatistics {
  readonly thread: number;
  /** Requests handled. */
  readonly handled: number;
  /** Requests sent. */
  readonly sent: number;
  /** Times the thread went to sleep. */
  readonly parks: number;
  /** Spins that found work. */
  readonly spinsPaid: number;
  /** Requests that had to wait for room in a full inbox. */
  readonly backlogged: number;
  /** Messages in its inbox that it has not read yet, replies included. */
  readonly unread: number;
}

export function readStatistics({ words, doubles }: SlotViews, thread: number): ThreadStatistics {
  const first = countersOf(thread);
  return {
    thread,
    handled: doubles[first + HANDLED],
    sent: doubles[first + SENT],
    parks: doubles[first + PARKS],
    spinsPaid: doubles[first + SPINS_PAID],
    backlogged: doubles[first + BACKLOGGED],
    unread: unreadBy(words, thread),
  };
}

/** A moment's view: senders and the reader go on meanwhile. */
function unreadBy(words: Int32Array, thread: number): number {
  let unread = 0;
  for (let peer = 0; peer < MAX_THREADS; peer++) {
    if (!hasPeer(words, thread, peer)) continue;
    for (const replies of [false, true]) {
      const ring = ringOf(peer, thread, replies);
      // A producer that died may have left its TAIL one behind.
      unread += Math.max(0, (Atomics.load(words, ring + RING_TAIL) - Atomics.load(words, ring + RING_HEAD)) | 0);
    }
  }
  return unread;
}

/** A new life counts from zero. Called by the thread that attaches. */
export function clearStatistics({ doubles }: SlotViews, thread: number): void {
  doubles.fill(0, countersOf(thread), countersOf(thread) + COUNTERS);
}
