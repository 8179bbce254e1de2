/**
 * The log of uevents: one ring in shared memory that every thread appends to and any number of readers follow.
 * The position in the log is the event's sequence number (SEQNUM), so there is one order for all.
 *
 * Owner rules. SEQUENCE counts positions; it is moved forward by whoever finds the record at its position claimed, so a
 * writer that dies after its claim blocks nobody. A record's TICKET word names the lap of the ring and the thread it was
 * last claimed by; a claim is the compare-and-swap of TICKET. DONE is the same once the record is filled in: by its
 * writer, or by the supervisor (`recover`), which makes what a dead writer left a void that readers pass over. A writer
 * that has lapped another one which is still filling its record in (that thread lost its core for the length of the
 * whole ring) leaves the record alone and goes on to the next position; readers count that position as lost. Nobody
 * ever waits for another writer.
 * A reader that falls behind by the length of the ring has lost events and is told how many, as a netlink socket that
 * overflows.
 */
import { currentThread } from '../sync/threads.js';

/** Records of the ring; a power of two. */
const RECORD_BITS = 12;
const RECORDS = 1 << RECORD_BITS;
/** Three cache lines. An event of the core's own touches one, a synthetic one with its text all. */
const RECORD_WORDS = 48;
const SEQUENCE = 0;
/** Bumped and notified once per event while a reader sleeps (SLEEPERS > 0). */
const WAKE = 1;
const SLEEPERS = 2;
const HEADER_WORDS = 16;

const TICKET = 0;
const DONE = 1;
/** Words of the body that were filled in. */
const LENGTH = 2;
/** First word of what an event says. */
const BODY = 3;
/** Words of a record's body. */
export const EVENT_WORDS = RECORD_WORDS - BODY;
/** First word of a record whose writer has died. */
const VOID = -1;
/** A ticket: lap plus one, so that 0 is none, above the thread. */
const THREAD_BITS = 6;
const THREAD_MASK = (1 << THREAD_BITS) - 1;

export interface EventLogHandle {
  readonly buffer: SharedArrayBuffer;
}

/** Word offset of a position's record. Positions are 32-bit and wrap. */
function at(position: number): number {
  return HEADER_WORDS + (position & (RECORDS - 1)) * RECORD_WORDS;
}

/** The lap part of the tickets of a position. */
function lapOf(position: number): number {
  return (position >>> RECORD_BITS) + 1;
}

export class EventLog {
  readonly handle: EventLogHandle;
  /** The ring; written between {@link claim} and {@link commit} only. */
  readonly words: Int32Array<SharedArrayBuffer>;

  private constructor(buffer: SharedArrayBuffer) {
    this.handle = { buffer };
    this.words = new Int32Array(buffer);
  }

  static create(): EventLog {
    return new EventLog(new SharedArrayBuffer((HEADER_WORDS + RECORDS * RECORD_WORDS) * 4));
  }

  static from(handle: EventLogHandle): EventLog {
    return new EventLog(handle.buffer);
  }

  /** The sequence number of the newest event; 0 before the first. */
  get sequence(): number {
    return Atomics.load(this.words, SEQUENCE) >>> 0;
  }

  /**
   * Claims the next record for an event of `length` words, at most {@link EVENT_WORDS}. Returns where in {@link words}
   * its body goes; the first word is not negative. Call {@link commit} when it is written. Any thread; never waits.
   */
  claim(length: number): number {
    const { words } = this;
    for (;;) {
      const position = Atomics.load(words, SEQUENCE);
      const record = at(position);
      const next = (position + 1) | 0;
      const done = Atomics.load(words, record + DONE);
      const ticket = Atomics.load(words, record + TICKET);
      // Read again: if the position still is the newest, the ticket is no later lap's.
      if (Atomics.load(words, SEQUENCE) !== position) continue;
      if (ticket >>> THREAD_BITS === lapOf(position) || ticket !== done) {
        // Claimed, but the claimant has not moved the sequence yet; or still being filled in since the last lap.
        Atomics.compareExchange(words, SEQUENCE, position, next);
        continue;
      }
      const mine = (lapOf(position) << THREAD_BITS) | currentThread();
      if (Atomics.compareExchange(words, record + TICKET, ticket, mine) !== ticket) continue;
      Atomics.compareExchange(words, SEQUENCE, position, next);
      words[record + LENGTH] = length;
      return record + BODY;
    }
  }

  /** Publishes the event whose body was written at `body`. */
  commit(body: number): void {
    const { words } = this;
    const record = body - BODY;
    Atomics.store(words, record + DONE, words[record + TICKET]);
    if (Atomics.load(words, SLEEPERS) !== 0) this.#wake();
  }

  /** Appends an event whose body is at hand. */
  append(body: ArrayLike<number>): void {
    const at = this.claim(body.length);
    for (let word = 0; word < body.length; word++) this.words[at + word] = body[word];
    this.commit(at);
  }

  /** Voids what the dead `thread` had claimed and not filled in, and wakes all readers. Supervising thread only. */
  recover(thread: number): void {
    const { words } = this;
    for (let record = HEADER_WORDS; record < words.length; record += RECORD_WORDS) {
      const ticket = Atomics.load(words, record + TICKET);
      if ((ticket & THREAD_MASK) !== thread || Atomics.load(words, record + DONE) === ticket) continue;
      words[record + LENGTH] = 1;
      words[record + BODY] = VOID;
      Atomics.store(words, record + DONE, ticket);
    }
    this.#wake();
  }

  /** Starts following the log at its present end. */
  reader(): EventReader {
    return new EventReader(this.words);
  }

  #wake(): void {
    Atomics.add(this.words, WAKE, 1);
    Atomics.notify(this.words, WAKE);
  }
}

/** What a reader finds at its position. */
export type EventRead = 'event' | 'end' | { readonly lost: number };

/** One follower of the log; used by one thread. */
export class EventReader {
  /** The event last read. */
  readonly body = new Int32Array(EVENT_WORDS);
  readonly #words: Int32Array<SharedArrayBuffer>;
  #position: number;
  #closed = false;

  constructor(words: Int32Array<SharedArrayBuffer>) {
    this.#words = words;
    this.#position = Atomics.load(words, SEQUENCE);
  }

  /** Sequence number of the event last read. */
  get sequence(): number {
    return this.#position >>> 0;
  }

  /** Reads the next event into {@link body}, or says that there is none yet, or how many were lost. */
  read(): EventRead {
    const words = this.#words;
    for (;;) {
      const behind = (Atomics.load(words, SEQUENCE) - this.#position) | 0;
      if (behind <= 0) return 'end';
      if (behind > RECORDS) {
        const lost = behind - RECORDS;
        this.#position = (this.#position + lost) | 0;
        return { lost };
      }
      const record = at(this.#position);
      const next = (this.#position + 1) | 0;
      const ticket = Atomics.load(words, record + TICKET);
      if (ticket >>> THREAD_BITS !== lapOf(this.#position)) {
        // Overwritten, or never written: the event is gone.
        this.#position = next;
        return { lost: 1 };
      }
      if (Atomics.load(words, record + DONE) !== ticket) return 'end';
      const length = words[record + LENGTH];
      for (let word = 0; word < length; word++) this.body[word] = words[record + BODY + word];
      this.#position = next;
      if (Atomics.load(words, record + TICKET) !== ticket) return { lost: 1 };
      if (this.body[0] !== VOID) return 'event';
    }
  }

  /** Resolves when there may be something to read, at once if so, or when the reader was closed. */
  async wait(): Promise<void> {
    const words = this.#words;
    Atomics.add(words, SLEEPERS, 1);
    const seen = Atomics.load(words, WAKE);
    if (!this.#closed && !this.#pending) {
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

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether there is something to say about the next record. */
  get #pending(): boolean {
    const words = this.#words;
    if (((Atomics.load(words, SEQUENCE) - this.#position) | 0) <= 0) return false;
    const record = at(this.#position);
    const ticket = Atomics.load(words, record + TICKET);
    return Atomics.load(words, record + DONE) === ticket || ticket >>> THREAD_BITS !== lapOf(this.#position);
  }
}
