/**
 * The thread table: which of the 64 thread ids belongs to which Node thread. Every lock names its owner by such an id.
 *
 * One table per process, in shared memory, created by the first thread that imports this file and inherited by every
 * worker started afterwards (`worker_threads` environment data); handles carry it too (`joinTable`).
 *
 * Owner rules. A slot word holds the state in its low bits and Node's `threadId` above them, so that one compare-and-swap
 * claims and names. FREE -> LIVE and FREE -> RESERVED: whoever wins the swap. RESERVED -> LIVE: the worker the id was
 * reserved for. LIVE or RESERVED -> DEAD -> FREE (or RESERVED): the one reaper that wins the first swap.
 * LIVE -> FREE: the thread itself. `deaths` is only ever incremented.
 */
import { getEnvironmentData, setEnvironmentData, threadId, type Worker } from 'node:worker_threads';
import { MediatedError } from '../errors.js';
import { holdsInRegions, recoverRegions } from './recovery.js';

/** The number of thread ids of a process; ids run from 0 to 63. */
export const MAX_THREADS = 64;

const ENVIRONMENT_KEY = 'mediated.threads';

const TOKEN = 0;
const DEATHS = 1;
const NEXT_IDENTITY = 2;
const SLOTS = 4;
const TABLE_WORDS = SLOTS + MAX_THREADS;

const FREE = 0;
const RESERVED = 1;
const LIVE = 2;
const DEAD = 3;
const STATE_MASK = 3;
const STATE_BITS = 2;

/** Options of {@link ThreadTable.reap}. */
export interface ReapOptions {
  /** Leaves the id reserved instead of free, so that a successor can `adopt` it. */
  keep?: boolean | undefined;
}

/** Options of {@link ThreadTable.watch}. */
export interface WatchOptions extends ReapOptions {
  /** The id reserved for this worker: reaped too if the worker ends before it has adopted it. */
  id?: number | undefined;
}

/** Told of a death after the locks were recovered and before the id can be used again. */
export type DeathCallback = (id: number) => void;

/**
 * A table of thread ids in shared memory. All methods may be called on any thread.
 * `reap` and `watch` belong on a thread that outlives those it watches and that has opened the lock spaces they use.
 */
export class ThreadTable {
  static #current: ThreadTable | undefined;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #deathCallbacks = new Set<DeathCallback>();

  private constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  /** The table of this process, which {@link currentThread} uses. */
  static current(): ThreadTable {
    ThreadTable.#current ??= ThreadTable.#inherit();
    return ThreadTable.#current;
  }

  /** The table that lies in `buffer`; EINVAL if none does. */
  static from(buffer: SharedArrayBuffer): ThreadTable {
    if (buffer.byteLength < TABLE_WORDS * 4) throw new MediatedError('EINVAL', 'this buffer is not a thread table');
    return new ThreadTable(buffer);
  }

  static #inherit(): ThreadTable {
    const inherited: unknown = getEnvironmentData(ENVIRONMENT_KEY);
    if (inherited instanceof SharedArrayBuffer) return ThreadTable.from(inherited);
    const buffer = new SharedArrayBuffer(TABLE_WORDS * 4);
    new Int32Array(buffer)[TOKEN] = 1 + Math.floor(Math.random() * 0x7fff_fffe);
    setEnvironmentData(ENVIRONMENT_KEY, buffer);
    return new ThreadTable(buffer);
  }

  /**
   * Makes the table in `buffer` this thread's table, for a worker that was started before its parent imported this
   * package. Does nothing if it is the table already in use. EINVAL if this thread has an id in a different one.
   */
  static join(buffer: SharedArrayBuffer): ThreadTable {
    const mine = ThreadTable.current();
    const other = ThreadTable.from(buffer);
    if (other.#words[TOKEN] === mine.#words[TOKEN]) return mine;
    if (self >= 0) {
      throw new MediatedError(
        'EINVAL',
        'this thread has an id in another thread table; import the package before starting workers',
      );
    }
    setEnvironmentData(ENVIRONMENT_KEY, buffer);
    ThreadTable.#current = other;
    return other;
  }

  /** The shared memory of the table, to be sent to another thread. */
  get buffer(): SharedArrayBuffer {
    return this.#words.buffer;
  }

  /** The number of deaths so far. Bumped and notified after each recovery; see {@link deathsWord}. */
  get deaths(): number {
    return Atomics.load(this.#words, DEATHS);
  }

  /** The word behind {@link deaths}, for `Atomics.wait(words, index, seen)`. */
  get deathsWord(): { words: Int32Array<SharedArrayBuffer>; index: number } {
    return { words: this.#words, index: DEATHS };
  }

  /** True from the moment `id` was claimed or adopted until it is reaped or released. */
  isAlive(id: number): boolean {
    return (this.#slot(id) & STATE_MASK) === LIVE;
  }

  /** True while `id` cannot be claimed by anybody else. */
  isTaken(id: number): boolean {
    return (this.#slot(id) & STATE_MASK) !== FREE;
  }

  /** A number that no other caller of this process got: names a waiting place across threads. */
  nextIdentity(): number {
    return Atomics.add(this.#words, NEXT_IDENTITY, 1) + 1;
  }

  /** Claims a free id for the calling thread. EAGAIN if all 64 are in use. */
  claim(): number {
    return this.#take(LIVE | (threadId << STATE_BITS));
  }

  /** Sets an id aside for a worker that is about to start. EAGAIN if all 64 are in use. */
  reserve(): number {
    return this.#take(RESERVED);
  }

  /**
   * Makes the calling thread the bearer of the reserved `id`: the first thing a worker does.
   * EBUSY if this thread already has an id or `id` was not reserved.
   */
  adopt(id: number): void {
    if (self >= 0) throw new MediatedError('EBUSY', `this thread is already thread ${self}`);
    const live = LIVE | (threadId << STATE_BITS);
    if (Atomics.compareExchange(this.#words, SLOTS + id, RESERVED, live) !== RESERVED) {
      throw new MediatedError('EBUSY', `thread id ${id} is not reserved`);
    }
    ThreadTable.#current = this;
    self = id;
  }

  /**
   * Gives the calling thread's id back. The thread's lock objects may not be used afterwards.
   * EBUSY if it still holds or waits for something in a lock space it has opened.
   */
  release(): void {
    if (self < 0) return;
    if (holdsInRegions(self)) throw new MediatedError('EBUSY', `thread ${self} still holds locks`);
    Atomics.compareExchange(this.#words, SLOTS + self, LIVE | (threadId << STATE_BITS), FREE);
    self = -1;
  }

  /** Reaps every id of `worker` when it exits. Call it right after starting the worker. */
  watch(worker: Worker, options: WatchOptions = {}): void {
    const bearer = worker.threadId;
    worker.once('exit', () => {
      for (let id = 0; id < MAX_THREADS; id++) {
        const slot = this.#slot(id);
        const isBearer = slot >>> STATE_BITS === bearer && (slot & STATE_MASK) === LIVE;
        if (isBearer || (id === options.id && slot === RESERVED)) this.reap(id, options);
      }
    });
  }

  /** Has `callback` called, in order of registration, for every death reaped on this thread. Returns its undoing. */
  onDeath(callback: DeathCallback): () => void {
    this.#deathCallbacks.add(callback);
    return () => {
      this.#deathCallbacks.delete(callback);
    };
  }

  /**
   * Declares `id` dead, passes on all it held in the regions this thread knows, tells the death callbacks, bumps
   * `deaths` and frees the id. The thread must really have ended. Idempotent: false if there was nothing to reap.
   * What a callback throws becomes a process warning; the rest still happens.
   */
  reap(id: number, options: ReapOptions = {}): boolean {
    const index = SLOTS + id;
    const slot = this.#slot(id);
    const state = slot & STATE_MASK;
    if (state === FREE || state === DEAD || Atomics.compareExchange(this.#words, index, slot, DEAD) !== slot)
      return false;
    recoverRegions(id, warn);
    for (const callback of [...this.#deathCallbacks]) {
      try {
        callback(id);
      } catch (error) {
        warn(error);
      }
    }
    Atomics.store(this.#words, index, options.keep === true ? RESERVED : FREE);
    Atomics.add(this.#words, DEATHS, 1);
    Atomics.notify(this.#words, DEATHS);
    return true;
  }

  #slot(id: number): number {
    if (!(id >= 0 && id < MAX_THREADS)) throw new MediatedError('EINVAL', `there is no thread id ${id}`);
    return Atomics.load(this.#words, SLOTS + id);
  }

  #take(slot: number): number {
    for (let id = 0; id < MAX_THREADS; id++) {
      if (Atomics.compareExchange(this.#words, SLOTS + id, FREE, slot) === FREE) return id;
    }
    throw new MediatedError('EAGAIN', `all ${MAX_THREADS} thread ids of this process are in use`);
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}

/** This thread's id, -1 before it has one. Written by `currentThread`, `adopt` and `release` only. */
let self = -1;

/** The id (0..63) of the calling thread; claimed at the first call. EAGAIN if all 64 are in use. */
export function currentThread(): number {
  if (self < 0) self = ThreadTable.current().claim();
  return self;
}

// At import, not at first use: workers inherit the table only if it exists when they are started.
ThreadTable.current();
