/**
 * One single-producer single-consumer ring of message slots in the segment, seen from one of its ends.
 * The producer alone writes slots and TAIL, the consumer alone writes HEAD; STARVED is handed back and forth.
 *
 * A slot is published by its own SEAL word, whose lowest bit alternates from lap to lap: the consumer looks nowhere
 * else, so that a message crosses from core to core as one cache line. TAIL tells only the producer's successor under
 * the same thread id where to go on; it may be one behind a slot that was sealed when the producer died.
 * A producer that dies before sealing has sent nothing.
 */
import {
  RING_HEAD,
  RING_HEADER_WORDS,
  RING_SLOTS,
  RING_STARVED,
  RING_TAIL,
  ringOf,
  SEAL,
  SLOT_WORDS,
} from './segment.js';

const MASK = RING_SLOTS - 1;
const LAP_BITS = Math.log2(RING_SLOTS);

/** The lowest bit of a sealed slot at a position: 1 in the first lap, so that fresh memory is unsealed. */
function sealOf(position: number): number {
  return ((position >>> LAP_BITS) & 1) ^ 1;
}

/** The sending end. */
export class RingProducer {
  readonly #words: Int32Array;
  readonly #base: number;
  readonly #slots: number;
  #tail: number;
  #headSeen: number;

  constructor(words: Int32Array, from: number, to: number, replies: boolean) {
    this.#words = words;
    this.#base = ringOf(from, to, replies);
    this.#slots = this.#base + RING_HEADER_WORDS;
    this.#tail = Atomics.load(words, this.#base + RING_TAIL);
    this.#headSeen = Atomics.load(words, this.#base + RING_HEAD);
    const next = this.#slots + (this.#tail & MASK) * SLOT_WORDS;
    const full = ((this.#tail - this.#headSeen) | 0) >= RING_SLOTS;
    if (!full && (Atomics.load(words, next + SEAL) & 1) === sealOf(this.#tail)) this.#tail = (this.#tail + 1) | 0;
  }

  /** Word offset of the next free slot, or -1 when the ring is full. Fill it, then call {@link publish}. */
  claim(): number {
    if (((this.#tail - this.#headSeen) | 0) >= RING_SLOTS) {
      this.#headSeen = Atomics.load(this.#words, this.#base + RING_HEAD);
      if (((this.#tail - this.#headSeen) | 0) >= RING_SLOTS) return -1;
    }
    return this.#slots + (this.#tail & MASK) * SLOT_WORDS;
  }

  /** Makes the claimed slot visible to the consumer, with up to 31 bits that {@link sealed} gives back. */
  publish(content: number): void {
    const tail = this.#tail;
    Atomics.store(this.#words, this.#slots + (tail & MASK) * SLOT_WORDS + SEAL, (content << 1) | sealOf(tail));
    this.#tail = (tail + 1) | 0;
    this.#words[this.#base + RING_TAIL] = this.#tail;
  }

  /** Asks the consumer to wake this thread when there is room again. Returns false when there is room already. */
  starve(): boolean {
    Atomics.store(this.#words, this.#base + RING_STARVED, 1);
    return this.claim() === -1;
  }
}

/** What the producer published a slot with. */
export function sealed(words: Int32Array, at: number): number {
  return words[at + SEAL] >> 1;
}

/** The receiving end. */
export class RingConsumer {
  readonly #words: Int32Array;
  readonly #base: number;
  readonly #slots: number;
  #head: number;
  /** Where the next message will be, and the bit that says it is there. */
  #next: number;
  #seal: number;

  constructor(words: Int32Array, from: number, to: number, replies: boolean) {
    this.#words = words;
    this.#base = ringOf(from, to, replies);
    this.#slots = this.#base + RING_HEADER_WORDS;
    this.#head = Atomics.load(words, this.#base + RING_HEAD);
    this.#next = this.#slots + (this.#head & MASK) * SLOT_WORDS;
    this.#seal = sealOf(this.#head);
  }

  /** True when a message waits. */
  get ready(): boolean {
    return (Atomics.load(this.#words, this.#next + SEAL) & 1) === this.#seal;
  }

  /** Word offset of the oldest unread slot, or -1. Call {@link advance} when it was read. */
  peek(): number {
    return (Atomics.load(this.#words, this.#next + SEAL) & 1) === this.#seal ? this.#next : -1;
  }

  /**
   * As {@link ready}, but may miss what is only just published: for a reader that looks often and asks `ready` before it
   * sleeps. An operation of `Atomics` is a call, a plain look costs next to nothing.
   */
  get glance(): boolean {
    return (this.#words[this.#next + SEAL] & 1) === this.#seal;
  }

  /** {@link peek}, but may miss what {@link glance} misses. */
  look(): number {
    return this.glance ? this.peek() : -1;
  }

  /** True when at least `count` messages wait, up to RING_SLOTS. */
  holds(count: number): boolean {
    const last = (this.#head + count - 1) | 0;
    return (Atomics.load(this.#words, this.#slots + (last & MASK) * SLOT_WORDS + SEAL) & 1) === sealOf(last);
  }

  /** Steps past the slot last peeked; the producer sees the room at the next {@link release}. */
  advance(): void {
    this.#head = (this.#head + 1) | 0;
    this.#next = this.#slots + (this.#head & MASK) * SLOT_WORDS;
    this.#seal = sealOf(this.#head);
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
