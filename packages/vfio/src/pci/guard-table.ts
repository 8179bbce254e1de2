/**
 * The memory locks of PCI devices in shared memory (spec/pci, state per device): read by whoever accesses a BAR, on the
 * device's thread or through a guarded mapping on a program's; written by whoever makes the BARs inaccessible, which may
 * be a hot reset on another thread. One table per bus, made with the first vfio driver.
 * The words of a record: `guard-words.ts`.
 */
import { type BusMemory, MediatedError } from '@mediated/core';
import { RwSemaphore } from '@mediated/core/sync';
import { GENERATION, LOCK, OWNER, RECORD_WORDS, STATE } from './guard-words.js';
import { MemoryGuard } from './memory-guard.js';

/** Most PCI devices of a bus at a time. */
const RECORDS = 4096;

/** Bytes of the table. */
export const GUARD_TABLE_BYTES = RECORDS * RECORD_WORDS * 4;

/** Class of the memory locks to the order checker. */
const MEMORY_LOCK = 'pci memory';

/** Structured-cloneable access. */
export type GuardTableHandle = Int32Array<SharedArrayBuffer>;

export class GuardTable {
  readonly words: GuardTableHandle;
  readonly #memory: BusMemory;
  /** Guards in use, by record, as this thread has them. */
  readonly #guards = new Map<number, MemoryGuard>();

  constructor(words: GuardTableHandle, memory: BusMemory) {
    this.words = words;
    this.#memory = memory;
  }

  static create(): GuardTableHandle {
    return new Int32Array(new SharedArrayBuffer(GUARD_TABLE_BYTES));
  }

  /** The table, to be mapped. */
  get bytes(): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.words.buffer, this.words.byteOffset, this.words.byteLength);
  }

  /** A guard for the device in a slot, memory off. ENOMEM: there are too many. */
  allocate(slot: number): MemoryGuard {
    const { words } = this;
    for (let record = 0; record < RECORDS; record++) {
      const at = record * RECORD_WORDS;
      if (Atomics.compareExchange(words, at + OWNER, 0, slot + 1) !== 0) continue;
      try {
        if (words[at + LOCK] === 0) words[at + LOCK] = this.#memory.locks.rwSemaphore().handle.offset;
      } catch (cause) {
        Atomics.store(words, at + OWNER, 0);
        throw new MediatedError('ENOMEM', 'no room for the lock of a PCI device', { cause });
      }
      Atomics.store(words, at + STATE, 0);
      Atomics.add(words, at + GENERATION, 1);
      return this.open(record);
    }
    throw new MediatedError('ENOMEM', `${RECORDS} PCI devices are in use`);
  }

  /** The guard of a record, in its present life. */
  open(record: number): MemoryGuard {
    const known = this.#guards.get(record);
    if (known?.current) return known;
    const { buffer, threads } = this.#memory.locks.handle;
    const at = record * RECORD_WORDS;
    const offset = this.words[at + LOCK];
    const lock = RwSemaphore.from({ kind: 'rwSemaphore', buffer, threads, offset, name: MEMORY_LOCK });
    const guard = new MemoryGuard(this.words, at, lock);
    this.#guards.set(record, guard);
    return guard;
  }

  /** Gives the record of a guard back. Whoever has a mapping finds it gone. */
  free(guard: MemoryGuard): void {
    this.#free(guard.at);
  }

  /** The thread of the device in a slot has died. */
  reclaim(slot: number): void {
    for (let at = 0; at < this.words.length; at += RECORD_WORDS) {
      if (Atomics.load(this.words, at + OWNER) === slot + 1) return this.#free(at);
    }
  }

  #free(at: number): void {
    Atomics.store(this.words, at + STATE, 0);
    Atomics.add(this.words, at + GENERATION, 1);
    Atomics.store(this.words, at + OWNER, 0);
  }
}
