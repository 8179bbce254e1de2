/**
 * Shared memory for locks: a bump allocator of lock records, walked by recovery when a thread dies.
 *
 * A record is a header word and the lock's words, rounded up to whole cache lines. Owner rules, lock-free: the header at
 * `top` goes from 0 to kind and size by compare-and-swap, which claims the record; `top` is then moved past it by the
 * claimant or by whoever meets the header first, so a claimant may die in between. A freed record is zeroed before its
 * header says FREE, and may be claimed again, by compare-and-swap of the header, for a lock of the same size.
 * Every thread that has opened a space recovers it for the threads that it reaps, until it closes the space.
 */
import { MediatedError } from '../errors.js';
import { Completion } from './completion.js';
import type { LockHandle, LockKind } from './lock.js';
import { kindNumbered, LOCK_KINDS } from './lock-kinds.js';
import { Mutex } from './mutex.js';
import { type RecoverableRegion, registerRegion } from './recovery.js';
import { initializeTrackedRefCount, RefCount } from './ref-count.js';
import { RwSemaphore } from './rw-semaphore.js';
import { initializeSemaphore, Semaphore } from './semaphore.js';
import { Srcu } from './srcu.js';
import { ThreadTable } from './threads.js';
import { LARGEST_VALUE } from './ledger.js';

const MAGIC = 0;
const TOP = 1;
const FREED = 2;
const CACHE_LINE_WORDS = 16;
const FIRST = CACHE_LINE_WORDS;
const MAGIC_NUMBER = 0x6c6f636b;
const DEFAULT_WORDS = 1 << 18;

const KIND_BITS = 4;
const KIND_MASK = (1 << KIND_BITS) - 1;
/** Kind number of a record that may be claimed again. */
const FREE = KIND_MASK;

/** A lock space as it travels to another thread: structured-cloneable. */
export interface LockSpaceHandle {
  readonly buffer: SharedArrayBuffer;
  readonly threads: SharedArrayBuffer;
}

/** Options of {@link LockSpace.create}. */
export interface LockSpaceOptions {
  /** Room for locks, in 32-bit words; default 2^18 (1 MiB). The operating system supplies it as it is used. */
  words?: number | undefined;
}

/** Options of {@link LockSpace.refCount}. */
export interface RefCountOptions {
  /** Drop the references of threads that die. */
  tracked?: boolean | undefined;
}

/** A space for locks in shared memory. All methods may be called on any thread; ENOSPC when it is full. */
export class LockSpace implements RecoverableRegion {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #unregister: () => void;

  private constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
    this.#unregister = registerRegion(this);
  }

  /** Makes a space. */
  static create(options: LockSpaceOptions = {}): LockSpace {
    const words = Math.max(options.words ?? DEFAULT_WORDS, FIRST);
    const buffer = new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT);
    const header = new Int32Array(buffer, 0, FIRST);
    header[TOP] = FIRST;
    Atomics.store(header, MAGIC, MAGIC_NUMBER);
    return new LockSpace(buffer);
  }

  /** Opens the space of another thread. EINVAL if there is none in the handle. */
  static from(handle: LockSpaceHandle): LockSpace {
    if (handle.buffer.byteLength < FIRST * 4 || new Int32Array(handle.buffer, 0, FIRST)[MAGIC] !== MAGIC_NUMBER) {
      throw new MediatedError('EINVAL', 'there is no lock space in this handle');
    }
    ThreadTable.join(handle.threads);
    return new LockSpace(handle.buffer);
  }

  /** For sending the space to another thread. */
  get handle(): LockSpaceHandle {
    return { buffer: this.#words.buffer, threads: ThreadTable.current().buffer };
  }

  /** Words in use, freed records included. */
  get used(): number {
    return Atomics.load(this.#words, TOP);
  }

  /** This thread recovers the space no longer. Its locks stay usable. */
  close(): void {
    this.#unregister();
  }

  /** A new mutex. */
  mutex(name?: string): Mutex {
    return Mutex.from(this.#allocate('mutex', name));
  }

  /** A new read-write semaphore. */
  rwSemaphore(name?: string): RwSemaphore {
    return RwSemaphore.from(this.#allocate('rwSemaphore', name));
  }

  /** A new semaphore with `initial` permits. EINVAL unless 0 to 2^30. */
  semaphore(initial: number, name?: string): Semaphore {
    assertValue(initial);
    const handle = this.#allocate('semaphore', name);
    initializeSemaphore(this.#words, handle.offset, initial);
    return Semaphore.from(handle);
  }

  /** A new completion. */
  completion(name?: string): Completion {
    return Completion.from(this.#allocate('completion', name));
  }

  /** A new reference count, `initial` references (default 1) of which belong to no thread. EINVAL unless 0 to 2^30. */
  refCount(initial = 1, name?: string, options: RefCountOptions = {}): RefCount {
    assertValue(initial);
    if (options.tracked === true) {
      const handle = this.#allocate('trackedRefCount', name);
      initializeTrackedRefCount(this.#words, handle.offset, initial);
      return RefCount.from(handle);
    }
    const handle = this.#allocate('refCount', name);
    Atomics.store(this.#words, handle.offset, initial);
    return RefCount.from(handle);
  }

  /** A new SRCU domain. */
  srcu(name?: string): Srcu {
    return Srcu.from(this.#allocate('srcu', name));
  }

  /**
   * Gives a lock's memory back, for reuse by a lock of the same size. Nobody may use the lock any more.
   * EINVAL if it does not lie in this space or was freed before.
   */
  free(lock: { readonly handle: LockHandle }): void {
    const { kind, offset } = lock.handle;
    const header = headerOf(kind);
    const at = offset - 1;
    if (offset >= this.used || Atomics.load(this.#words, at) !== header) {
      throw new MediatedError('EINVAL', `there is no ${kind} at this place of the lock space`);
    }
    const size = header >>> KIND_BITS;
    this.#words.fill(0, offset, at + size);
    if (Atomics.compareExchange(this.#words, at, header, (size << KIND_BITS) | FREE) === header)
      Atomics.add(this.#words, FREED, 1);
  }

  /** @internal Called by a reap. */
  recover(thread: number): void {
    this.#visit((kind, offset) => {
      kind.recover(this.#words, offset, thread);
      return false;
    });
  }

  /** @internal Called by a release of a thread id. */
  holds(thread: number): boolean {
    return this.#visit((kind, offset) => kind.holds(this.#words, offset, thread));
  }

  #visit(visitor: (kind: (typeof LOCK_KINDS)[LockKind], offset: number) => boolean): boolean {
    const words = this.#words;
    for (let at = FIRST; at < words.length; ) {
      const header = Atomics.load(words, at);
      if (header === 0) return false;
      const kind = kindNumbered(header & KIND_MASK);
      if (kind !== undefined && visitor(kind, at + 1)) return true;
      at += header >>> KIND_BITS;
    }
    return false;
  }

  #allocate<Kind extends LockKind>(kind: Kind, name: string | undefined): LockHandle<Kind> {
    const words = this.#words;
    const header = headerOf(kind);
    const size = header >>> KIND_BITS;
    const offset = this.#reuse(header) ?? this.#extend(header, size);
    return { kind, buffer: words.buffer, offset, name, threads: ThreadTable.current().buffer };
  }

  #reuse(header: number): number | undefined {
    const words = this.#words;
    if (Atomics.load(words, FREED) <= 0) return undefined;
    const free = (header & ~KIND_MASK) | FREE;
    for (let at = FIRST; at < words.length; ) {
      const found = Atomics.load(words, at);
      if (found === 0) return undefined;
      if (found === free && Atomics.compareExchange(words, at, free, header) === free) {
        Atomics.sub(words, FREED, 1);
        return at + 1;
      }
      at += found >>> KIND_BITS;
    }
    return undefined;
  }

  #extend(header: number, size: number): number {
    const words = this.#words;
    for (;;) {
      const top = Atomics.load(words, TOP);
      if (top + size > words.length)
        throw new MediatedError('ENOSPC', `this lock space of ${words.length} words is full`);
      const found = Atomics.compareExchange(words, top, 0, header);
      Atomics.compareExchange(words, TOP, top, top + ((found === 0 ? header : found) >>> KIND_BITS));
      if (found === 0) return top + 1;
    }
  }
}

function headerOf(kind: LockKind): number {
  const { number, words } = LOCK_KINDS[kind];
  const size = Math.ceil((words + 1) / CACHE_LINE_WORDS) * CACHE_LINE_WORDS;
  return (size << KIND_BITS) | number;
}

function assertValue(initial: number): void {
  if (!(Number.isInteger(initial) && initial >= 0 && initial <= LARGEST_VALUE)) {
    throw new MediatedError('EINVAL', `${initial} is not a number from 0 to 2^30`);
  }
}
