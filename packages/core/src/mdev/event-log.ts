/**
 * The log of uevents: one ring in shared memory that every thread appends to and any number of readers follow.
 * The position in the log is the event's sequence number (SEQNUM), so there is one order for all.
 *
 * Owner rules. SEQUENCE counts claimed records; it is moved forward by whoever finds the record at its position
 * claimed, so a writer that dies after its claim blocks nobody. A record's TICKET word is the position it was last
 * claimed for plus one, and its DONE word the same once it is filled in; a claim is the compare-and-swap of TICKET.
 * WRITER names the claimant: when that thread is dead, readers skip the record. A writer that has lapped another one
 * which is still filling its record in (that thread lost its core for the length of the whole ring) looks again until
 * the record is done or its writer dead.
 * A reader that falls behind by the length of the ring has lost events and is told how many, as a netlink socket that
 * overflows.
 */
import { currentThread, ThreadTable } from '../sync/threads.js';

/** Records of the ring; a power of two. */
const RECORDS = 16_384;
const RECORD_WORDS = 16;
const SEQUENCE = 0;
/** Bumped and notified once per event while a reader sleeps (SLEEPERS > 0). */
const WAKE = 1;
const SLEEPERS = 2;
const HEADER_WORDS = 16;

const TICKET = 0;
const DONE = 1;
const WRITER = 2;
/** First word of what an event says. */
const BODY = 3;
/** Words of a record's body. */
export const EVENT_WORDS = 12;

export interface EventLogHandle {
  readonly buffer: SharedArrayBuffer;
}

function isAlive(thread: number): boolean {
  return ThreadTable.current().isAlive(thread);
}

/** Word offset of a position's record. Positions are 32-bit and wrap. */
function at(position: number): number {
  return HEADER_WORDS + (position & (RECORDS - 1)) * RECORD_WORDS;
}

export class EventLog {
  readonly handle: EventLogHandle;
  readonly #words: Int32Array<SharedArrayBuffer>;

  private constructor(buffer: SharedArrayBuffer) {
    this.handle = { buffer };
    this.#words = new Int32Array(buffer);
  }

  static create(): EventLog {
    return new EventLog(new SharedArrayBuffer((HEADER_WORDS + RECORDS * RECORD_WORDS) * 4));
  }

  static from(handle: EventLogHandle): EventLog {
    return new EventLog(handle.buffer);
  }

  /** The sequence number of the newest event; 0 before the first. */
  get sequence(): number {
    return Atomics.load(this.#words, SEQUENCE) >>> 0;
  }

  /** Appends an event of up to {@link EVENT_WORDS} words and returns its sequence number. Any thread. */
  append(body: ArrayLike<number>): number {
    const words = this.#words;
    for (;;) {
      const position = Atomics.load(words, SEQUENCE);
      const record = at(position);
      const ticket = Atomics.load(words, record + TICKET);
      const mine = (position + 1) | 0;
      if (ticket === mine) {
        // Claimed, but the claimant has not moved the sequence yet.
        Atomics.compareExchange(words, SEQUENCE, position, mine);
        continue;
      }
      if (ticket !== Atomics.load(words, record + DONE) && isAlive(words[record + WRITER])) continue;
      if (Atomics.compareExchange(words, record + TICKET, ticket, mine) !== ticket) continue;
      words[record + WRITER] = currentThread();
      Atomics.compareExchange(words, SEQUENCE, position, mine);
      for (let word = 0; word < body.length; word++) words[record + BODY + word] = body[word];
      Atomics.store(words, record + DONE, mine);
      if (Atomics.load(words, SLEEPERS) !== 0) {
        Atomics.add(words, WAKE, 1);
        Atomics.notify(words, WAKE);
      }
      return mine >>> 0;
    }
  }

  /** Wakes all readers: after a death, a record may never be filled in. */
  kick(): void {
    Atomics.add(this.#words, WAKE, 1);
    Atomics.notify(this.#words, WAKE);
  }

  /** Starts following the log at its present end. */
  reader(): EventReader {
    return new EventReader(this.#words);
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
      const mine = (this.#position + 1) | 0;
      const done = Atomics.load(words, record + DONE);
      if (done !== mine) {
        if (Atomics.load(words, record + TICKET) !== mine) {
          // Overwritten: the event is gone.
          this.#position = mine;
          return { lost: 1 };
        }
        if (isAlive(words[record + WRITER])) return 'end';
        this.#position = mine;
        continue;
      }
      for (let word = 0; word < EVENT_WORDS; word++) this.body[word] = words[record + BODY + word];
      if (Atomics.load(words, record + TICKET) !== mine) continue;
      this.#position = mine;
      return 'event';
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

  /** Whether the next record is complete. */
  get #pending(): boolean {
    const words = this.#words;
    const mine = (this.#position + 1) | 0;
    if (((Atomics.load(words, SEQUENCE) - this.#position) | 0) <= 0) return false;
    const record = at(this.#position);
    return Atomics.load(words, record + DONE) === mine || Atomics.load(words, record + TICKET) !== mine;
  }
}
