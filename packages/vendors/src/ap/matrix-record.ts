/**
 * A matrix device as all threads see it: what was assigned to it, what its guest gets of that, what a change of the
 * host's configuration will add. A view of shared words, under the bus's mutex. The device's own thread allocates and
 * frees; a record whose device is gone without that, because its thread died, is freed by whoever comes next.
 */
import { type ApMemory, MAX_MATRICES } from './ap-memory.js';
import { GuestRecord } from './guest-record.js';
import { bitsOf, MASK_WORDS, type Mask } from './masks.js';
import { Queue } from './queue.js';

/** Generation of the device's slot, odd; 0: the record is free. Written last, so that a record is whole or free. */
const GENERATION = 0;
const SLOT = 1;
/** Guest that is attached, by number + 1. */
const GUEST = 2;
/** Guest that the next open attaches to, by number + 1. */
const CONNECTED = 3;
const HIGHEST_ADAPTER = 4;
const HIGHEST_DOMAIN = 5;
const MASKS = 8;

/** Adapters, domains and control domains. */
export type ThreeMasks = readonly [adapters: Mask, domains: Mask, controlDomains: Mask];

export class MatrixRecord {
  readonly index: number;
  /** What was assigned. */
  readonly matrix: ThreeMasks;
  /** What the guest gets. */
  readonly shadow: ThreeMasks;
  /** What the host's new configuration adds of the matrix; the end of the bus's scan filters it in. */
  readonly added: ThreeMasks;
  readonly #ap: ApMemory;
  readonly #at: number;

  constructor(ap: ApMemory, index: number) {
    this.index = index;
    this.#ap = ap;
    this.#at = ap.matrixAt(index);
    this.matrix = this.#masks(0);
    this.shadow = this.#masks(3);
    this.added = this.#masks(6);
  }

  /** An empty matrix for the device in a slot; undefined when there is no record left. */
  static allocate(ap: ApMemory, slot: number, generation: number): MatrixRecord | undefined {
    let index = 0;
    while (index < ap.devicesTop && ap.words[ap.matrixAt(index) + GENERATION] !== 0) index++;
    if (index === MAX_MATRICES) return undefined;
    const at = ap.matrixAt(index);
    ap.words.fill(0, at, ap.matrixAt(index + 1));
    const [adapter, domain] = ap.highest;
    ap.words[at + SLOT] = slot;
    ap.words[at + HIGHEST_ADAPTER] = adapter;
    ap.words[at + HIGHEST_DOMAIN] = domain;
    ap.words[at + GENERATION] = generation;
    ap.devicesTop = Math.max(ap.devicesTop, index + 1);
    return new MatrixRecord(ap, index);
  }

  /** All devices, in the order of their numbers. */
  static *all(ap: ApMemory): Generator<MatrixRecord> {
    for (let index = 0; index < ap.devicesTop; index++) {
      if (ap.words[ap.matrixAt(index) + GENERATION] !== 0) yield new MatrixRecord(ap, index);
    }
  }

  /** The record of the device in a slot. */
  static of(ap: ApMemory, slot: number, generation: number): MatrixRecord | undefined {
    for (let index = 0; index < ap.devicesTop; index++) {
      const at = ap.matrixAt(index);
      if (ap.words[at + GENERATION] === generation && ap.words[at + SLOT] === slot) return new MatrixRecord(ap, index);
    }
    return undefined;
  }

  free(): void {
    this.#set(GENERATION, 0);
    const { words } = this.#ap;
    let top = this.#ap.devicesTop;
    while (top > 0 && words[this.#ap.matrixAt(top - 1) + GENERATION] === 0) top--;
    this.#ap.devicesTop = top;
  }

  /** Whether its device still exists. */
  get alive(): boolean {
    return this.#ap.devices.isCurrent(this.#get(SLOT), this.#get(GENERATION));
  }

  get highestAdapter(): number {
    return this.#get(HIGHEST_ADAPTER);
  }

  get highestDomain(): number {
    return this.#get(HIGHEST_DOMAIN);
  }

  /** The guest that it is attached to. */
  get guest(): GuestRecord | undefined {
    return this.#guest(GUEST);
  }

  set guest(guest: GuestRecord | undefined) {
    this.#set(GUEST, guest === undefined ? 0 : guest.index + 1);
  }

  /** The guest that its next first open attaches it to. */
  get connected(): GuestRecord | undefined {
    return this.#guest(CONNECTED);
  }

  set connected(guest: GuestRecord | undefined) {
    this.#set(CONNECTED, guest === undefined ? 0 : guest.index + 1);
  }

  /** The queues of adapters times domains that are in its table. */
  linked(adapters: Mask = this.matrix[0], domains: Mask = this.matrix[1]): Queue[] {
    const queues: Queue[] = [];
    const columns = bitsOf(domains);
    for (const adapter of bitsOf(adapters)) {
      for (const domain of columns) {
        const queue = new Queue(this.#ap, (adapter << 8) | domain);
        if (queue.link === this.index) queues.push(queue);
      }
    }
    return queues;
  }

  #guest(word: number): GuestRecord | undefined {
    const number = this.#get(word);
    return number === 0 ? undefined : new GuestRecord(this.#ap, number - 1);
  }

  #masks(first: number): ThreeMasks {
    const mask = (which: number): Mask => {
      const at = this.#at + MASKS + (first + which) * MASK_WORDS;
      return this.#ap.words.subarray(at, at + MASK_WORDS);
    };
    return [mask(0), mask(1), mask(2)];
  }

  #get(word: number): number {
    return this.#ap.words[this.#at + word] as number;
  }

  #set(word: number, value: number): void {
    this.#ap.words[this.#at + word] = value;
  }
}
