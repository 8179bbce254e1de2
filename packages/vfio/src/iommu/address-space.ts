/**
 * What a container (or an ioas) maps: shared memory with mappings, pins and dirty bits (`layout.ts`), and a mutex around
 * them. Made by the control thread, opened by the threads of the devices that use it.
 *
 * The mutex is held for short sections: `enter`, a bounded number of steps, `leave`; nothing awaits or blocks in
 * between, so that threads with an event loop may block for it. Owner-death rule: `enter` that finds that an owner has
 * died in a section derives anew what follows from the records, whoever it is and however far the dead one came; what a
 * dead device had pinned is taken back by the control thread (`PinTable.dropSlot`) when it learns of the death.
 * The thread that reaps takes no part in a space whose threads may die: it would wait for itself.
 */
import { MediatedError } from '@mediated/core';
import { type LockHandle, type LockSpace, Mutex } from '@mediated/core/sync';
import { DirtyLog } from './dirty-log.js';
import {
  getDouble,
  HEADER,
  MAGIC_NUMBER,
  MOST_MAPPINGS,
  planOf,
  RULES,
  type Rules,
  type SpaceMemory,
  setDouble,
} from './layout.js';
import { MappingTable } from './mapping-table.js';
import { PinTable } from './pin-table.js';

/** Class of the mutexes of spaces to the order checker. */
export const SPACE_LOCK = 'address space';

/** A space as it travels to another thread: structured-cloneable. */
export interface AddressSpaceHandle {
  readonly buffer: SharedArrayBuffer;
  readonly mutex: LockHandle<'mutex'>;
}

/** Options of {@link AddressSpace.create}. */
export interface AddressSpaceOptions {
  /** Where the mutex comes from: a space that the reaping thread has opened. */
  readonly locks: LockSpace;
  /** `type1v1`, `type1v2` (nesting too) or `ioas`. */
  readonly rules: keyof typeof RULES;
  /** The most mappings at a time, 1 to 65,535 (the default). */
  readonly entries?: number | undefined;
  /** Pages that may be pinned or mapped for hardware at a time, as RLIMIT_MEMLOCK has it; default: no limit. */
  readonly lockedPages?: number | undefined;
  /** Room for pinned pages (one place per page and device); default 262,144. */
  readonly pins?: number | undefined;
  /** Room for dirty bits, in pages of all mappings with memory; default 33,554,432 (128 GiB). */
  readonly dirtyPages?: number | undefined;
}

const DEFAULT_PINS = 1 << 18;
const DEFAULT_DIRTY_PAGES = 1 << 25;

/** An address space as one thread sees it. Everything but `enter`, `handle` and `rules` is used within a section. */
export class AddressSpace {
  readonly rules: Rules;
  readonly mappings: MappingTable;
  readonly pins: PinTable;
  readonly dirty: DirtyLog;
  /** The header, for words that have no method ({@link HEADER}). */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly #memory: SpaceMemory;
  readonly #mutex: Mutex;

  private constructor(handle: AddressSpaceHandle) {
    const words = new Int32Array(handle.buffer);
    const plan = planOf(words[HEADER.pinCapacity], words[HEADER.dirtyCapacity]);
    this.words = words;
    this.rules = words[HEADER.rules] as Rules;
    this.#memory = { words, doubles: new Float64Array(handle.buffer), plan };
    this.mappings = new MappingTable(this.#memory);
    this.pins = new PinTable(this.#memory);
    this.dirty = new DirtyLog(this.#memory, this.mappings, this.pins);
    this.#mutex = Mutex.from(handle.mutex);
  }

  /** Makes a space. EINVAL: an option is none. ENOSPC: no lock is left. */
  static create(options: AddressSpaceOptions): AddressSpace {
    const { locks, rules, entries = MOST_MAPPINGS, lockedPages = Number.POSITIVE_INFINITY } = options;
    const { pins = DEFAULT_PINS, dirtyPages = DEFAULT_DIRTY_PAGES } = options;
    assertCount('entries', entries, MOST_MAPPINGS);
    assertCount('pins', pins, 2 ** 26);
    assertCount('dirtyPages', dirtyPages, 2 ** 31);
    const dirtyCapacity = Math.ceil(dirtyPages / 64) * 2;
    const buffer = zeroedMemory(planOf(pins, dirtyCapacity).end * Int32Array.BYTES_PER_ELEMENT);
    const words = new Int32Array(buffer);
    words[HEADER.rules] = RULES[rules];
    words[HEADER.entries] = entries;
    words[HEADER.pinCapacity] = pins;
    words[HEADER.dirtyCapacity] = dirtyCapacity;
    new Float64Array(buffer)[HEADER.lockedLimit >>> 1] = lockedPages;
    Atomics.store(words, HEADER.magic, MAGIC_NUMBER);
    return new AddressSpace({ buffer, mutex: locks.mutex(`${SPACE_LOCK}: shared`).handle });
  }

  /** Opens the space of another thread. EINVAL if there is none in the handle. */
  static from(handle: AddressSpaceHandle): AddressSpace {
    const magic = handle.buffer.byteLength < 4096 ? 0 : new Int32Array(handle.buffer, 0, 1)[0];
    if (magic !== MAGIC_NUMBER) throw new MediatedError('EINVAL', 'there is no address space in this handle');
    return new AddressSpace(handle);
  }

  /** True for type1's rules of version 2 (and nesting). */
  get version2(): boolean {
    return this.rules === RULES.type1v2;
  }

  /** For sending the space to another thread. */
  get handle(): AddressSpaceHandle {
    return { buffer: this.words.buffer, mutex: this.#mutex.handle };
  }

  /** Begins a section; waits for that of another thread. EDEADLK if this thread is in one. */
  enter(): void {
    this.#mutex.lockBriefly();
    if (!this.#mutex.ownerDied) return;
    this.mappings.rebuild();
    this.pins.rebuild();
    this.#mutex.markConsistent();
  }

  /** Ends the section. */
  leave(): void {
    this.#mutex.unlock();
  }

  /** Runs a step as one section. For paths on which a function made for the call does not matter. */
  within<T>(step: () => T): T {
    this.enter();
    try {
      return step();
    } finally {
      this.leave();
    }
  }

  /** Pages that count against the limit. */
  get lockedPages(): number {
    return getDouble(this.#memory, HEADER.locked);
  }

  /** True if so many pages more would pass the limit. */
  wouldPassLimit(pages: number): boolean {
    return this.lockedPages + pages > getDouble(this.#memory, HEADER.lockedLimit);
  }

  /** Adds to what counts against the limit; control thread, for mappings that are pinned as a whole. */
  addLockedPages(pages: number): void {
    setDouble(this.#memory, HEADER.locked, this.lockedPages + pages);
  }

  /** Gives mutex and memory back, for the next space of the same size. No thread uses the space any more. */
  free(locks: LockSpace): void {
    locks.free(this.#mutex);
    if (spares.length < MOST_SPARES) spares.push(this.words.buffer);
  }
}

/**
 * Memory of spaces that were freed, for the thread that makes spaces. Left to the garbage collector, gigabytes of it wait for
 * a collection: a thread that allocates little else has few, and shared memory does not hasten them.
 */
const spares: SharedArrayBuffer[] = [];
const MOST_SPARES = 4;

function zeroedMemory(bytes: number): SharedArrayBuffer {
  const at = spares.findIndex(({ byteLength }) => byteLength === bytes);
  if (at < 0) return new SharedArrayBuffer(bytes);
  const [spare] = spares.splice(at, 1) as [SharedArrayBuffer];
  new Int32Array(spare).fill(0);
  return spare;
}

function assertCount(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new MediatedError('EINVAL', `${name} is ${value}; it is an integer from 1 to ${most}`);
}
