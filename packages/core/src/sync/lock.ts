/**
 * What all locks have in common: handles that travel between threads, guards, statistics, the check of a handle.
 */
import { MediatedError } from '../errors.js';
import { ThreadTable } from './threads.js';

/** The kinds of locks. */
export type LockKind = 'mutex' | 'rwSemaphore' | 'semaphore' | 'completion' | 'refCount' | 'trackedRefCount' | 'srcu';

/** A lock as it travels to another thread: structured-cloneable. `Class.from(handle)` opens it there. */
export interface LockHandle<Kind extends LockKind = LockKind> {
  readonly kind: Kind;
  /** The shared memory in which the lock lies. */
  readonly buffer: SharedArrayBuffer;
  /** Index of the lock's first 32-bit word. */
  readonly offset: number;
  /** The lock's name in messages and for the order checker. */
  readonly name: string | undefined;
  /** The thread table that the lock's owners are numbered by. */
  readonly threads: SharedArrayBuffer;
}

/** Where a lock lies that is embedded in somebody else's record. */
export interface LockOptions {
  /**
   * The lock's name in messages and statistics. To the order checker it is a class of locks, or `class: instance` when
   * locks of one class are told apart.
   */
  name?: string | undefined;
}

/** Counters of a lock since its creation. Exact once nobody uses the lock. A lock counts what applies to it. */
export interface LockStats {
  /** Successful takes. */
  readonly acquisitions: number;
  /** Takes that did not succeed at once, because another thread was there. */
  readonly contended: number;
  /** Releases that handed the lock to a waiter who had lost too often. */
  readonly handoffs: number;
  /** Owners that died holding it. */
  readonly ownerDeaths: number;
  /** Threads that wait now. */
  readonly waiting: number;
}

/** Why the previous owner gave the lock up: `EOWNERDEAD` if it died. */
export type GuardCode = 'EOWNERDEAD' | undefined;

/** What a guard gives back. */
export interface Releasable {
  /** `token` is what the guard was made with. */
  releaseToken(token: number): void;
}

/**
 * A held lock: `using guard = await mutex.lock()`. Belongs to the thread that took it. Disposing twice does nothing.
 */
export class LockGuard implements Disposable {
  #lock: Releasable | undefined;
  readonly #token: number;

  constructor(
    lock: Releasable,
    token: number,
    /** True if the previous owner died holding the lock: what it protects may be half-changed. */
    readonly ownerDied: boolean,
  ) {
    this.#lock = lock;
    this.#token = token;
  }

  /** `EOWNERDEAD` if {@link ownerDied}. */
  get code(): GuardCode {
    return this.ownerDied ? 'EOWNERDEAD' : undefined;
  }

  /** True until the guard is released. */
  get held(): boolean {
    return this.#lock !== undefined;
  }

  /** Gives the lock back. */
  release(): void {
    const lock = this.#lock;
    this.#lock = undefined;
    lock?.releaseToken(this.#token);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** The words of a handle, after checking its kind (EINVAL) and joining its thread table. */
export function openHandle(handle: LockHandle, kind: LockKind): Int32Array<SharedArrayBuffer> {
  if (handle.kind !== kind)
    throw new MediatedError('EINVAL', `this is the handle of a ${handle.kind}, not of a ${kind}`);
  ThreadTable.join(handle.threads);
  return new Int32Array(handle.buffer);
}

/** The handle of the lock at `offset`. */
export function makeHandle<Kind extends LockKind>(
  kind: Kind,
  words: Int32Array<SharedArrayBuffer>,
  offset: number,
  name: string | undefined,
): LockHandle<Kind> {
  return { kind, buffer: words.buffer, offset, name, threads: ThreadTable.current().buffer };
}
