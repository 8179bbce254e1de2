/**
 * Lowest-free numbers shared by all threads, as the kernel gives out group and device numbers.
 * A bitmap in shared memory: a set bit is a number in use. Allocation and release are one compare-and-swap on the
 * number's word. HINT is a word index below which no number is free: where the search starts. A release clears its bit,
 * then lowers HINT; an allocation that raises HINT then looks at the words it has passed over, and lowers HINT again if
 * a number was released there meanwhile. So one of the two always sees the other.
 */
export interface IdAllocatorHandle {
  readonly buffer: SharedArrayBuffer;
}

const HINT = 0;
const BITS = 1;

export class IdAllocator {
  readonly handle: IdAllocatorHandle;
  readonly #words: Int32Array<SharedArrayBuffer>;

  private constructor(buffer: SharedArrayBuffer) {
    this.handle = { buffer };
    this.#words = new Int32Array(buffer);
  }

  /** Numbers from 0 to `capacity` - 1, rounded up to a multiple of 32. */
  static create(capacity: number): IdAllocator {
    return new IdAllocator(new SharedArrayBuffer((BITS + Math.ceil(capacity / 32)) * 4));
  }

  static from(handle: IdAllocatorHandle): IdAllocator {
    return new IdAllocator(handle.buffer);
  }

  /** Takes the lowest free number, or returns -1. With concurrent releases: one that was free during the call. */
  allocate(): number {
    const words = this.#words;
    const hint = Atomics.load(words, HINT);
    for (let at = hint; at < words.length - BITS; at++) {
      for (let bits = Atomics.load(words, BITS + at); bits !== -1; bits = Atomics.load(words, BITS + at)) {
        const bit = 31 - Math.clz32(~bits & -~bits);
        if (Atomics.compareExchange(words, BITS + at, bits, bits | (1 << bit)) === bits) {
          if (at !== hint) this.#raise(hint, at);
          return at * 32 + bit;
        }
      }
    }
    if (hint === 0) return -1;
    Atomics.store(words, HINT, 0);
    return this.allocate();
  }

  /** Takes a certain number. False when somebody has it, or there is no such number. */
  reserve(id: number): boolean {
    const words = this.#words;
    if (!(Number.isInteger(id) && id >= 0 && id < (words.length - BITS) * 32)) return false;
    const bit = 1 << (id & 31);
    return (Atomics.or(words, BITS + (id >>> 5), bit) & bit) === 0;
  }

  /** Gives a number back. Only its holder (or the supervisor for a dead one) may. */
  free(id: number): void {
    const words = this.#words;
    const at = id >>> 5;
    Atomics.and(words, BITS + at, ~(1 << (id & 31)));
    this.#lower(at);
  }

  #raise(hint: number, to: number): void {
    const words = this.#words;
    if (Atomics.compareExchange(words, HINT, hint, to) !== hint) return;
    for (let at = hint; at < to; at++) {
      if (Atomics.load(words, BITS + at) !== -1) return this.#lower(at);
    }
  }

  #lower(to: number): void {
    const words = this.#words;
    for (let hint = Atomics.load(words, HINT); hint > to; hint = Atomics.load(words, HINT)) {
      if (Atomics.compareExchange(words, HINT, hint, to) === hint) return;
    }
  }
}
