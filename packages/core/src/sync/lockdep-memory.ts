/**
 * What the order checker has learned, in shared memory, so that opposite orders on two threads are found. Used by
 * `lockdep.ts`. One block per process, made by the first thread that imports the checker and inherited by its workers.
 *
 * Owner rules, all lock-free so that a thread may die anywhere: `textTop` only grows; a text is written before a word
 * refers to it and never changes. `names[n]` and `edges[a][b]` go once from 0 to a text index, by compare-and-swap.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

const ENVIRONMENT_KEY = 'mediated.lockdep';
const CLASSES = 128;
const TEXT_BYTES = 1 << 20;
const LONGEST_TEXT = 4096;
/** Text index of the empty text, used when the memory for texts is full. */
const EMPTY_TEXT = 1;
const FIRST_TEXT = 4;

const TEXT_TOP = 0;
const NAMES = 1;
const EDGES = NAMES + CLASSES;
const WORDS = EDGES + CLASSES * CLASSES;

/** Classes of locks by name and the edges "second was taken while first was held" between them. */
export class OrderMemory {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #text: Uint8Array<SharedArrayBuffer>;
  readonly #ids = new Map<string, number>();

  private constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, WORDS);
    this.#text = new Uint8Array(buffer, WORDS * 4);
  }

  /** The block of this process. */
  static inherit(): OrderMemory {
    const inherited: unknown = getEnvironmentData(ENVIRONMENT_KEY);
    if (inherited instanceof SharedArrayBuffer) return new OrderMemory(inherited);
    const buffer = new SharedArrayBuffer(WORDS * 4 + TEXT_BYTES);
    setEnvironmentData(ENVIRONMENT_KEY, buffer);
    return new OrderMemory(buffer);
  }

  /** The class of `name`; -1 when there are too many classes to learn another. */
  classOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    for (let id = 0; id < CLASSES; id++) {
      if (Atomics.load(this.#words, NAMES + id) === 0)
        Atomics.compareExchange(this.#words, NAMES + id, 0, this.#write(name));
      if (this.nameOf(id) !== name) continue;
      this.#ids.set(name, id);
      return id;
    }
    return -1;
  }

  /** The name of a class. */
  nameOf(id: number): string {
    return this.#read(Atomics.load(this.#words, NAMES + id));
  }

  /** Learns that `second` was taken while `first` was held, unless known; `stack` is asked for only then. */
  learn(first: number, second: number, stack: () => string): void {
    const index = EDGES + first * CLASSES + second;
    if (Atomics.load(this.#words, index) === 0) Atomics.compareExchange(this.#words, index, 0, this.#write(stack()));
  }

  /** The classes on a learned way from `from` to `to`, both included; undefined if there is none. */
  path(from: number, to: number, seen = new Set<number>()): number[] | undefined {
    if (from === to) return [to];
    seen.add(from);
    for (let next = 0; next < CLASSES; next++) {
      if (seen.has(next) || Atomics.load(this.#words, EDGES + from * CLASSES + next) === 0) continue;
      const rest = this.path(next, to, seen);
      if (rest !== undefined) return [from, ...rest];
    }
    return undefined;
  }

  /** The stack that first took `second` while holding `first`. */
  stackOf(first: number, second: number): string {
    return this.#read(Atomics.load(this.#words, EDGES + first * CLASSES + second));
  }

  #write(text: string): number {
    const bytes = new TextEncoder().encode(text).subarray(0, LONGEST_TEXT);
    const at = FIRST_TEXT + Atomics.add(this.#words, TEXT_TOP, bytes.length + 2);
    if (at + 2 + bytes.length > TEXT_BYTES) return EMPTY_TEXT;
    this.#text[at] = bytes.length & 0xff;
    this.#text[at + 1] = bytes.length >> 8;
    this.#text.set(bytes, at + 2);
    return at;
  }

  #read(at: number): string {
    const length = (this.#text[at] ?? 0) | ((this.#text[at + 1] ?? 0) << 8);
    return new TextDecoder().decode(this.#text.slice(at + 2, at + 2 + length));
  }
}
