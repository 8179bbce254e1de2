/**
 * One single-producer single-consumer ring of message slots in the segment, seen from one of its ends.
 * The producer alone writes slots and TAIL, the consumer alone writes HEAD; STARVED is handed back and forth.
 * A producer that dies before moving TAIL has sent nothing.
 */
import { RING_HEAD, RING_HEADER_WORDS, RING_SLOTS, RING_STARVED, RING_TAIL, ringOf, SLOT_WORDS } from './segment.js';

const MASK = RING_SLOTS - 1;

/** The sending end. */
export class RingProducer {
  readonly #words: Int32Array;
  readonly #base: number;
  #tail: number;
  #headSeen: number;

  constructor(words: Int32Array, from: number, to: number, replies: boolean) {
    this.#words = words;
    this.#base = ringOf(from, to, replies);
    this.#tail = Atomics.load(words, this.#base + RING_TAIL);
    this.#headSeen = Atomics.load(words, this.#base + RING_HEAD);
  }

  /** Word offset of the next free slot, or -1 when the ring is full. Fill it, then call {@link publish}. */
  claim(): number {
    if (((this.#tail - this.#headSeen) | 0) >= RING_SLOTS) {
      this.#headSeen = Atomics.load(this.#words, this.#base + RING_HEAD);
      if (((this.#tail - this.#headSeen) | 0) >= RING_SLOTS) return -1;
    }
    return this.#base + RING_HEADER_WORDS + (this.#tail & MASK) * SLOT_WORDS;
  }

  /** Makes the claimed slot visible to the consumer. */
  publish(): void {
    this.#tail = (this.#tail + 1) | 0;
    Atomics.store(this.#words, this.#base + RING_TAIL, this.#tail);
  }

  /** Asks the consumer to wake this thread when there is room again. Returns false when there is room already. */
  starve(): boolean {
    Atomics.store(this.#words, this.#base + RING_STARVED, 1);
    return this.claim() === -1;
  }
}

/** The receiving end. */
export class RingConsumer {
  readonly #words: Int32Array;
  readonly #base: number;
  #head: number;
  #tailSeen: number;

  constructor(words: Int32Array, from: number, to: number, replies: boolean) {
    this.#words = words;
    this.#base = ringOf(from, to, replies);
    this.#head = Atomics.load(words, this.#base + RING_HEAD);
    this.#tailSeen = this.#head;
  }

  /** True when a message waits. */
  get ready(): boolean {
    return this.#head !== Atomics.load(this.#words, this.#base + RING_TAIL);
  }

  /** Word offset of the oldest unread slot, or -1. Call {@link advance} when it was read. */
  peek(): number {
    if (this.#head === this.#tailSeen) {
      this.#tailSeen = Atomics.load(this.#words, this.#base + RING_TAIL);
      if (this.#head === this.#tailSeen) return -1;
    }
    return this.#base + RING_HEADER_WORDS + (this.#head & MASK) * SLOT_WORDS;
  }

  /** Steps past the slot last peeked; the producer sees the room at the next {@link release}. */
  advance(): void {
    this.#head = (this.#head + 1) | 0;
  }

  /** Gives the room of all slots read so far back. Returns true when the producer waits for it and must be woken. */
  release(): boolean {
    Atomics.store(this.#words, this.#base + RING_HEAD, this.#head);
    return (
      Atomics.load(this.#words, this.#base + RING_STARVED) === 1 &&
      Atomics.compareExchange(this.#words, this.#base + RING_STARVED, 1, 0) === 1
    );
  }
}
