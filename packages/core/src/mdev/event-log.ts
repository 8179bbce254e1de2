/**
 * The log of uevents: every thread writes to a lane of its own, readers merge the lanes by sequence number.
 * Appended to by the core and by frameworks on any thread, followed by any number of readers (`event-reader.ts`).
 *
 * Owner rules. SEQUENCE is the sequence number last given out (SEQNUM): one atomic add per event, one order for all.
 * A lane is written by its thread alone. Its STATE is twice the number of records published, plus one while a record is
 * being written; the bit is set before the sequence number is taken and cleared by publishing. So a reader that finds no
 * record with the next number, and no lane being written that has nothing else to read, knows that there will be none.
 * A thread that dies while it writes leaves the bit: the supervisor clears it (`recover`) and counts a void, which
 * readers pass over. Nobody ever waits for a writer but readers.
 * Lanes are rings: a reader that falls behind by the length of one has lost events and is told how many, as a netlink
 * socket that overflows.
 */
import { currentThread, MAX_THREADS } from '../sync/threads.js';
import {
  BODY,
  HEADER_WORDS,
  LANE_WORDS,
  LANES,
  laneRecord,
  laneState,
  LENGTH,
  NUMBER,
  SEQUENCE,
  SLEEPERS,
  VOIDS,
  WAKE,
} from './event-layout.js';
import { EventReader } from './event-reader.js';

export interface EventLogHandle {
  readonly buffer: SharedArrayBuffer;
}

export class EventLog {
  readonly handle: EventLogHandle;
  /** The log; written between {@link claim} and {@link commit} only. */
  readonly words: Int32Array<SharedArrayBuffer>;

  private constructor(buffer: SharedArrayBuffer) {
    this.handle = { buffer };
    this.words = new Int32Array(buffer);
  }

  /** Reserves a log, about 25 MiB of address space; its pages are supplied as they are written. */
  static create(): EventLog {
    return new EventLog(new SharedArrayBuffer((HEADER_WORDS + MAX_THREADS * LANE_WORDS) * 4));
  }

  static from(handle: EventLogHandle): EventLog {
    return new EventLog(handle.buffer);
  }

  /** The sequence number of the newest event; 0 before the first. */
  get sequence(): number {
    return Atomics.load(this.words, SEQUENCE) >>> 0;
  }

  /**
   * Begins an event of `length` words, at most `EVENT_WORDS`, and gives it its number. Returns where in
   * {@link words} its body goes. Call {@link commit} when it is written, before anything else is begun. Never waits.
   */
  claim(length: number): number {
    const { words } = this;
    const lane = currentThread();
    if (words[LANES] <= lane) this.#raiseLanes(lane);
    const state = laneState(lane);
    const record = laneRecord(lane, words[state] >>> 1);
    // A plain store: the atomic add after it makes it visible no later than the number.
    words[state] |= 1;
    words[record + NUMBER] = Atomics.add(words, SEQUENCE, 1) + 1;
    words[record + LENGTH] = length;
    return record + BODY;
  }

  /** Publishes the event that this thread has begun. */
  commit(): void {
    const { words } = this;
    const state = laneState(currentThread());
    Atomics.store(words, state, words[state] + 1);
    if (Atomics.load(words, SLEEPERS) !== 0) this.#wake();
  }

  /** Appends an event whose body is at hand. */
  append(body: ArrayLike<number>): void {
    const at = this.claim(body.length);
    for (let word = 0; word < body.length; word++) this.words[at + word] = body[word];
    this.commit();
  }

  /** Gives up what the dead `thread` had begun and not published, and wakes all readers. Supervising thread only. */
  recover(thread: number): void {
    const { words } = this;
    const state = laneState(thread);
    const seen = Atomics.load(words, state);
    if ((seen & 1) !== 0) {
      Atomics.add(words, VOIDS, 1);
      Atomics.store(words, state, seen & ~1);
    }
    this.#wake();
  }

  /** Starts following the log at its present end. */
  reader(): EventReader {
    return new EventReader(this.words);
  }

  #raiseLanes(lane: number): void {
    const { words } = this;
    for (let lanes = Atomics.load(words, LANES); lanes <= lane; lanes = Atomics.load(words, LANES)) {
      Atomics.compareExchange(words, LANES, lanes, lane + 1);
    }
  }

  #wake(): void {
    Atomics.add(this.words, WAKE, 1);
    Atomics.notify(this.words, WAKE);
  }
}
