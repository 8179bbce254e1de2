/**
 * What the contending threads (`contender.worker.ts`) and the part that orders them about (`contended.ts`) share. Owner
 * rules: ARRIVED is added to by the contenders, and waited on by those that are not the last; the words from PROTECTED on
 * are written by the holder of the lock, and by the part while all threads are idle.
 */
import type { LockHandle } from '@mediated/core/sync';

/** `workerData` of this worker. */
export interface ContenderData {
  readonly words: SharedArrayBuffer;
  readonly mutex: LockHandle<'mutex'>;
  readonly peer: SharedArrayBuffer;
}

/** What the worker is told. */
export interface ContenderOrder {
  readonly lock: 'mediated' | 'multithreading';
  readonly milliseconds: number;
  /** Value of ARRIVED once all threads are there. */
  readonly arrivals: number;
}

/** What it answers: how often it had the lock, and from when to when by the clock that all threads have. */
export interface ContenderAnswer {
  readonly taken: number;
  readonly start: number;
  readonly end: number;
}

/** Words, a cache line apart. */
export const ARRIVED = 0;
export const PROTECTED = 32;
/** Words that each critical section increments, without atomics. */
export const PROTECTED_WORDS = 4;
