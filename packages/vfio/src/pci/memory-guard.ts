/**
 * The memory lock of one PCI device, and whether its BARs answer. Used on the device's thread around every access and every
 * change, by a hot reset on another thread, and by guarded mappings. Owner rules: `guard-words.ts`.
 */
import { isThenable } from '@mediated/core';
import type { RwSemaphore } from '@mediated/core/sync';
import { GENERATION, STATE, ZAPS } from './guard-words.js';

/** The BARs answer: memory is on, the device is awake. */
const ENABLED = 1;

export class MemoryGuard {
  readonly lock: RwSemaphore;
  /** Where its record lies. */
  readonly at: number;
  readonly generation: number;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(words: Int32Array<SharedArrayBuffer>, at: number, lock: RwSemaphore) {
    this.#words = words;
    this.at = at;
    this.lock = lock;
    this.generation = Atomics.load(words, at + GENERATION);
  }

  /** Whether a mapping leads somewhere; for a stable answer hold the lock. */
  get enabled(): boolean {
    return this.current && (Atomics.load(this.#words, this.at + STATE) & ENABLED) !== 0;
  }

  /** Under the lock held for writing, or while the device is not open. */
  set enabled(enabled: boolean) {
    Atomics.store(this.#words, this.at + STATE, enabled ? ENABLED : 0);
  }

  /** The device is still the one that this guard was made for. */
  get current(): boolean {
    return Atomics.load(this.#words, this.at + GENERATION) === this.generation;
  }

  /** How often the mappings of this and earlier devices of the record were torn down. */
  get zaps(): number {
    return Atomics.load(this.#words, this.at + ZAPS);
  }

  /**
   * Tears all mappings of the BARs down. A guarded mapping asks anew at every access, so that there is nothing to undo;
   * what a program does with the bare memory cannot be stopped.
   */
  zap(): void {
    Atomics.add(this.#words, this.at + ZAPS, 1);
  }

  /** Runs `body` while nobody makes the BARs inaccessible: at once where nobody does, else as a promise. */
  reading<T>(body: () => T | Promise<T>): T | Promise<T> {
    if (this.lock.tryRead()) return this.#run(body, () => this.lock.unlockRead());
    return this.lock.read().then((guard) => this.#run(body, () => guard.release()));
  }

  /** Runs `body` while nobody accesses the BARs. */
  writing<T>(body: () => T | Promise<T>): T | Promise<T> {
    if (this.lock.tryWrite()) return this.#run(body, () => this.lock.unlockWrite());
    return this.lock.write().then((guard) => this.#run(body, () => guard.release()));
  }

  #run<T>(body: () => T | Promise<T>, release: () => void): T | Promise<T> {
    let result: T | Promise<T>;
    try {
      result = body();
    } catch (error) {
      release();
      throw error;
    }
    if (isThenable(result)) return Promise.resolve(result).finally(release);
    release();
    return result;
  }
}
