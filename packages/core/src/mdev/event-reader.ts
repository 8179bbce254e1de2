/**
 * One follower of the event log (`event-log.ts`, where the rules stand): merges the threads' lanes into the one order
 * of sequence numbers. Belongs to one thread.
 */
import { MAX_THREADS } from '../sync/threads.js';
import {
  BODY,
  EVENT_WORDS,
  LANES,
  laneRecord,
  laneState,
  LENGTH,
  NUMBER,
  RECORDS,
  SEQUENCE,
  SLEEPERS,
  VOIDS,
  WAKE,
} from './event-layout.js';

/** What a reader finds next. */
export type EventRead = 'event' | 'end' | { readonly lost: number };

/** STATE counts records in 31 bits. */
const COUNT = 0x7fffffff;

/** What a look at the lanes finds: the lane that has the next event, or one of these. */
const NOT_YET = -1;
const NEVER = -2;

export class EventReader {
  /** The event last read. */
  readonly body = new Int32Array(EVENT_WORDS);
  readonly #words: Int32Array<SharedArrayBuffer>;
  /** Per lane: how many of its records this reader is done with. */
  readonly #done = new Uint32Array(MAX_THREADS);
  /** Sequence number of the event last read or passed. */
  #position: number;
  /** The smallest number that the last look found. */
  #smallest = 0;
  #voidsSeen: number;
  #closed = false;

  constructor(words: Int32Array<SharedArrayBuffer>) {
    this.#words = words;
    this.#voidsSeen = Atomics.load(words, VOIDS);
    // The lanes first: what is published in between has a number that was given out before, and is skipped.
    for (let lane = 0; lane < Atomics.load(words, LANES); lane++) {
      this.#done[lane] = Atomics.load(words, laneState(lane)) >>> 1;
    }
    this.#position = Atomics.load(words, SEQUENCE);
  }

  /** Sequence number of the event last read. */
  get sequence(): number {
    return this.#position >>> 0;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Reads the next event into {@link body}, or says that there is none yet, or how many were lost. */
  read(): EventRead {
    const words = this.#words;
    for (;;) {
      const newest = Atomics.load(words, SEQUENCE);
      const behind = (newest - this.#position) | 0;
      if (behind <= 0) return 'end';
      const lane = this.#look();
      if (lane === NOT_YET) return 'end';
      if (lane === NEVER) {
        const missing = Math.min(behind, (this.#smallest - this.#position - 1) | 0);
        this.#position = (this.#position + missing) | 0;
        // What dead threads began and never published was no event.
        const voids = Math.min(missing, (Atomics.load(words, VOIDS) - this.#voidsSeen) | 0);
        this.#voidsSeen = (this.#voidsSeen + voids) | 0;
        if (missing > voids) return { lost: missing - voids };
        continue;
      }
      const record = laneRecord(lane, this.#done[lane]);
      const length = Math.min(words[record + LENGTH], EVENT_WORDS);
      for (let word = 0; word < length; word++) this.body[word] = words[record + BODY + word];
      if (this.#overwritten(lane)) continue;
      this.#done[lane] = (this.#done[lane] + 1) & COUNT;
      this.#position = (this.#position + 1) | 0;
      return 'event';
    }
  }

  /** Resolves when there may be something to read, at once if so, or when the reader was closed. */
  async wait(): Promise<void> {
    const words = this.#words;
    Atomics.add(words, SLEEPERS, 1);
    const seen = Atomics.load(words, WAKE);
    const behind = (Atomics.load(words, SEQUENCE) - this.#position) | 0;
    if (!this.#closed && (behind <= 0 || this.#look() === NOT_YET)) {
      const sleep = Atomics.waitAsync(words, WAKE, seen);
      if (sleep.async) await sleep.value;
    }
    Atomics.sub(words, SLEEPERS, 1);
  }

  /** Stops following; a pending {@link wait} resolves. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    Atomics.add(this.#words, WAKE, 1);
    Atomics.notify(this.#words, WAKE);
  }

  /**
   * Looks for the event after {@link sequence}, whose number was given out before: returns the lane that has it, or
   * whether it may still come. Passes over records that this reader does not want any more.
   */
  #look(): number {
    const words = this.#words;
    const next = (this.#position + 1) | 0;
    let smallest = 0x7fffffff;
    let writing = false;
    const lanes = Atomics.load(words, LANES);
    for (let lane = 0; lane < lanes; lane++) {
      for (;;) {
        const state = Atomics.load(words, laneState(lane));
        if (this.#done[lane] === state >>> 1) {
          writing ||= (state & 1) !== 0;
          break;
        }
        if (this.#overwritten(lane)) continue;
        const ahead = (words[laneRecord(lane, this.#done[lane]) + NUMBER] - next) | 0;
        if (this.#overwritten(lane)) continue;
        if (ahead === 0) return lane;
        if (ahead > 0) {
          smallest = Math.min(smallest, ahead);
          break;
        }
        this.#done[lane] = (this.#done[lane] + 1) & COUNT;
      }
    }
    this.#smallest = (next + smallest) | 0;
    return writing ? NOT_YET : NEVER;
  }

  /** Whether the next record of a lane is or may be overwritten; moves on to the oldest that is safe then. */
  #overwritten(lane: number): boolean {
    const published = Atomics.load(this.#words, laneState(lane)) >>> 1;
    if (((published - this.#done[lane]) & COUNT) < RECORDS) return false;
    this.#done[lane] = (published - RECORDS + 1) & COUNT;
    return true;
  }
}
