/**
 * The shared memory of a scenario: found in the values it shares, remembered as it is before the first execution, put back
 * before each one. Belongs to the controller.
 */

/** Memory up to this size is put back whole; of larger memory the pages that atomic operations have ever touched. */
const WHOLE_BYTES = 1 << 20;
const PAGE_BYTES = 4096;

/** The shared memory in a value, each once, in the order in which it is met. */
export function sharedMemoryIn(value: unknown): SharedArrayBuffer[] {
  const found = new Set<SharedArrayBuffer>();
  const seen = new Set<unknown>();
  const visit = (each: unknown): void => {
    if (typeof each !== 'object' || each === null || seen.has(each)) return;
    seen.add(each);
    if (each instanceof SharedArrayBuffer) found.add(each);
    else if (ArrayBuffer.isView(each)) visit(each.buffer);
    else if (each instanceof Map) for (const entry of each) visit(entry);
    else if (each instanceof Set) for (const entry of each) visit(entry);
    else for (const entry of Object.values(each)) visit(entry);
  };
  visit(value);
  return [...found];
}

/** One stretch of shared memory. */
class Memory {
  readonly #bytes: Uint8Array;
  /** All of it, if it is small. */
  readonly #whole: Uint8Array | undefined;
  /** Otherwise: its pages that are not all zero, and what is put back of those that were touched. */
  readonly #pages = new Map<number, Uint8Array>();
  readonly #touched = new Map<number, Uint8Array>();

  constructor(buffer: SharedArrayBuffer) {
    this.#bytes = new Uint8Array(buffer);
    if (buffer.byteLength <= WHOLE_BYTES) {
      this.#whole = this.#bytes.slice();
      return;
    }
    const words = new Int32Array(buffer, 0, buffer.byteLength >>> 2);
    for (let at = 0; at < words.length; at++) {
      if (words[at] === 0) continue;
      const page = Math.floor((at * 4) / PAGE_BYTES);
      this.#pages.set(page, this.#page(page).slice());
      at = ((page + 1) * PAGE_BYTES) / 4 - 1;
    }
  }

  touched(offset: number): void {
    const page = Math.floor(offset / PAGE_BYTES);
    if (this.#whole !== undefined || this.#touched.has(page)) return;
    this.#touched.set(page, this.#pages.get(page) ?? new Uint8Array(this.#page(page).length));
  }

  restore(): void {
    if (this.#whole !== undefined) this.#bytes.set(this.#whole);
    for (const [page, bytes] of this.#touched) this.#bytes.set(bytes, page * PAGE_BYTES);
  }

  #page(page: number): Uint8Array {
    return this.#bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
  }
}

/** All memory of a scenario. */
export class ExploredMemory {
  readonly #memories: readonly Memory[];

  constructor(buffers: readonly SharedArrayBuffer[]) {
    this.#memories = buffers.map((buffer) => new Memory(buffer));
  }

  /** A step touched this. */
  touched(buffer: number, offset: number): void {
    this.#memories[buffer]?.touched(offset);
  }

  /** Puts everything back. */
  restore(): void {
    for (const memory of this.#memories) memory.restore();
  }
}
