/**
 * The ports of a parent's switch in the memory that the driver's threads share: what is of each port, who may write it,
 * and how a port changes hands while others may be sending to it.
 *
 * A port belongs to the thread that holds the permit of its budget; when that thread dies, the permit returns. Per port:
 *
 * STATE    DOWN or UP (the function is open); its owner.
 * DIRTY    its rings have been used since they were cleared; its owner.
 * TAILS    per lane: frames that the lane's thread has put into the port's receive ring; that thread.
 * FRAMES.. counts, by atomic add; those of receiving by any thread, cleared by a new owner.
 * ARRIVAL  a completion: completed by senders, awaited by the owner.
 *
 * Hazards. A sender writes the port into its thread's hazard word before it looks at STATE, and takes it out when it has
 * done with the port. A new owner, whose port is DOWN then, looks at the hazards before it touches anything; both
 * sides are sequentially consistent, so one of the two sees the other. A port that somebody is at is not taken, another
 * one is. A thread that starts anew takes out what its earlier life may have left.
 */
import { Completion } from '@mediated/core/sync';
import { MAX_LANES } from './layout.js';

const HAZARDS = 0;
const UNKNOWN = HAZARDS + MAX_LANES;
const FIRST = UNKNOWN + 16;

const STATE = 0;
const DIRTY = 1;
const COUNTS = 2;
const TAILS = 16;
const ARRIVAL = TAILS + MAX_LANES;
const PORT_WORDS = ARRIVAL + Math.ceil(Completion.WORDS / 16) * 16;

const DOWN = 0;
const UP = 1;

/** Counts of a port, in the order of their words. Frames, but for the two of bytes. Each wraps at 2^32. */
export const PORT_COUNTS = ['rx_frames', 'rx_bytes', 'rx_dropped', 'tx_frames', 'tx_bytes', 'tx_dropped'] as const;
export type PortCount = (typeof PORT_COUNTS)[number];

/** Bytes of the shared memory for so many ports. */
export function portTableBytes(ports: number): number {
  return (FIRST + ports * PORT_WORDS) * Int32Array.BYTES_PER_ELEMENT;
}

export class PortTable {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #lane: number;

  /** `lane`: this thread's place among the driver's. */
  constructor(words: Int32Array<SharedArrayBuffer>, lane: number) {
    this.#words = words;
    this.#lane = lane;
    Atomics.store(words, HAZARDS + lane, 0);
  }

  /** Whether any thread is sending to the port. For its new owner. */
  isVisited(port: number): boolean {
    for (let lane = 0; lane < MAX_LANES; lane++) {
      if (Atomics.load(this.#words, HAZARDS + lane) === port + 1) return true;
    }
    return false;
  }

  /**
   * Makes the port a new owner's: counts at 0, nobody waits for it. False: somebody is at it, leave it alone.
   * The caller holds the port's permit.
   */
  take(port: number): boolean {
    const base = this.#base(port);
    Atomics.store(this.#words, base + STATE, DOWN);
    if (this.isVisited(port)) return false;
    this.#words.fill(0, base + COUNTS, base + TAILS);
    this.#words.fill(0, base + ARRIVAL, base + PORT_WORDS);
    return true;
  }

  /** Whether its function is open. */
  isUp(port: number): boolean {
    return Atomics.load(this.#words, this.#base(port) + STATE) === UP;
  }

  /** By the owner. */
  setUp(port: number, up: boolean): void {
    if (up) Atomics.store(this.#words, this.#base(port) + DIRTY, 1);
    Atomics.store(this.#words, this.#base(port) + STATE, up ? UP : DOWN);
  }

  /** Whether its rings need to be cleared for a new owner; they count as clean afterwards. */
  takeDirty(port: number): boolean {
    return Atomics.exchange(this.#words, this.#base(port) + DIRTY, 0) !== 0;
  }

  /** Runs `body` if the port is up, which it then stays in one owner's hands for. False: it is down. */
  visit(port: number, body: () => void): boolean {
    const hazard = HAZARDS + this.#lane;
    Atomics.store(this.#words, hazard, port + 1);
    try {
      if (!this.isUp(port)) return false;
      body();
      return true;
    } finally {
      Atomics.store(this.#words, hazard, 0);
    }
  }

  /** Frames that a lane has put into the port's ring. */
  tail(port: number, lane: number): number {
    return Atomics.load(this.#words, this.#base(port) + TAILS + lane);
  }

  /** By the thread of the lane. */
  advance(port: number): number {
    const at = this.#base(port) + TAILS + this.#lane;
    const next = (this.#words[at] + 1) | 0;
    Atomics.store(this.#words, at, next);
    return next;
  }

  arrival(port: number): Completion {
    return Completion.at(this.#words, this.#base(port) + ARRIVAL, { name: 'frames' });
  }

  add(port: number, count: PortCount, amount: number): void {
    Atomics.add(this.#words, this.#base(port) + COUNTS + PORT_COUNTS.indexOf(count), amount);
  }

  count(port: number, count: PortCount): number {
    return Atomics.load(this.#words, this.#base(port) + COUNTS + PORT_COUNTS.indexOf(count)) >>> 0;
  }

  /** Frames for an address that is none of the switch's. */
  get unknown(): number {
    return Atomics.load(this.#words, UNKNOWN) >>> 0;
  }

  addUnknown(): void {
    Atomics.add(this.#words, UNKNOWN, 1);
  }

  #base(port: number): number {
    return FIRST + port * PORT_WORDS;
  }
}
