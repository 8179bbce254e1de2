/**
 * Lowest-free numbers shared by all threads, as the kernel gives out group and device numbers.
 * A byte per number in shared memory: 0 is free, `RESERVED` belongs to no thread, else whose it is, thread id + 1. So a
 * thread may die at any step between taking a number and noting it, or between forgetting and freeing it: `recover` finds
 * what was its own. Allocation and release are one compare-and-swap on the word of four numbers.
 *
 * HINT is a word index below which no number is free: where the search starts. A release clears its byte, then lowers HINT;
 * an allocation that raises HINT then looks at the words it has passed over, and lowers HINT again if a number was released
 * there meanwhile. So one of the two always sees the other. USED is raised before a number is taken: no word from there on
 * was ever touched.
 */
import { currentThread } from '../sync/threads.js';
import type { AttachOptions } from './arena.js';

export interface IdAllocatorHandle {
  readonly buffer: SharedArrayBuffer;
}

const HINT = 0;
const USED = 1;
const OWNERS = 2;
const PER_WORD = 4;
const BYTE = 0xff;
const RESERVED = 0xff;
/** Capacities are multiples of this. */
const ROUNDED = 32;

export class IdAllocator {
  readonly handle: IdAllocatorHandle;
  readonly #words: Int32Array<SharedArrayBuffer>;
  #thread: number | undefined;

  private constructor(buffer: SharedArrayBuffer, thread: number | undefined) {
    this.handle = { buffer };
    this.#words = new Int32Array(buffer);
    this.#thread = thread;
  }

  /** Numbers from 0 to `capacity` - 1, rounded up to a multiple of 32. */
  static create(capacity: number, { thread }: AttachOptions = {}): IdAllocator {
    const words = OWNERS + (Math.ceil(capacity / ROUNDED) * ROUNDED) / PER_WORD;
    return new IdAllocator(new SharedArrayBuffer(words * 4), thread);
  }

  static from(handle: IdAllocatorHandle, { thread }: AttachOptions = {}): IdAllocator {
    return new IdAllocator(handle.buffer, thread);
  }

  /** Takes the lowest free number, or returns -1. With concurrent releases: one that was free during the call. */
  allocate(): number {
    this.#thread ??= currentThread();
    const words = this.#words;
    const owner = this.#thread + 1;
    const hint = Atomics.load(words, HINT);
    for (let at = hint; at < words.length - OWNERS; at++) {
      for (let owners = Atomics.load(words, OWNERS + at); ; owners = Atomics.load(words, OWNERS + at)) {
        const shift = freeByte(owners);
        if (shift < 0) break;
        this.#use(at);
        if (Atomics.compareExchange(words, OWNERS + at, owners, owners | (owner << shift)) !== owners) continue;
        if (at !== hint) this.#raise(hint, at);
        return at * PER_WORD + shift / 8;
      }
    }
    if (hint === 0) return -1;
    Atomics.store(words, HINT, 0);
    return this.allocate();
  }

  /** Takes a certain number for no thread in particular. False when somebody has it, or there is no such number. */
  reserve(id: number): boolean {
    const words = this.#words;
    if (!(Number.isInteger(id) && id >= 0 && id < (words.length - OWNERS) * PER_WORD)) return false;
    const [at, shift] = placeOf(id);
    this.#use(at);
    for (;;) {
      const owners = Atomics.load(words, OWNERS + at);
      if (((owners >>> shift) & BYTE) !== 0) return false;
      if (Atomics.compareExchange(words, OWNERS + at, owners, owners | (RESERVED << shift)) === owners) return true;
    }
  }

  /** Gives a number back. Only its holder (or the supervisor for a dead one) may. */
  free(id: number): void {
    const [at, shift] = placeOf(id);
    Atomics.and(this.#words, OWNERS + at, ~(BYTE << shift));
    this.#lower(at);
  }

  /** Gives back every number that a dead thread had. The supervisor, before the thread's id is given away again. */
  recover(thread: number): void {
    const words = this.#words;
    const used = Atomics.load(words, USED);
    for (let at = 0; at < used; at++) {
      const owners = Atomics.load(words, OWNERS + at);
      for (let shift = 0; shift < 32; shift += 8) {
        if (((owners >>> shift) & BYTE) === thread + 1) this.free(at * PER_WORD + shift / 8);
      }
    }
    // It may have died after it had cleared a byte, or raised HINT, and before it lowered HINT again.
    this.#lower(0);
  }

  #use(at: number): void {
    const words = this.#words;
    for (let used = Atomics.load(words, USED); used <= at; used = Atomics.load(words, USED)) {
      Atomics.compareExchange(words, USED, used, at + 1);
    }
  }

  #raise(hint: number, to: number): void {
    const words = this.#words;
    if (Atomics.compareExchange(words, HINT, hint, to) !== hint) return;
    for (let at = hint; at < to; at++) {
      if (freeByte(Atomics.load(words, OWNERS + at)) >= 0) return this.#lower(at);
    }
  }

  #lower(to: number): void {
    const words = this.#words;
    for (let hint = Atomics.load(words, HINT); hint > to; hint = Atomics.load(words, HINT)) {
      if (Atomics.compareExchange(words, HINT, hint, to) === hint) return;
    }
  }
}

/** Word and bit of a number's byte. */
function placeOf(id: number): [at: number, shift: number] {
  return [Math.floor(id / PER_WORD), (id % PER_WORD) * 8];
}

/** Bit of the lowest byte that is 0; -1: there is none. */
function freeByte(owners: number): number {
  // Of the bytes that this marks by their highest bit, the lowest is really 0; those above it may be a borrow's.
  const marks = (owners - 0x0101_0101) & ~owners & 0x8080_8080;
  return marks === 0 ? -1 : 24 - (Math.clz32(marks & -marks) & ~7);
}
