/**
 * Locks of every kind, and data under them, for clients that do nothing but take and give back. The data tell whether a
 * lock let two in at once, and whether whoever takes it after a death is told.
 *
 * Owner rules. LEFT and RIGHT of the mutex: who holds the mutex; of the table: who holds it for writing. They differ only
 * while somebody is in the middle of a change, or has died there.
 */
import {
  type LockHandle,
  LockSpace,
  type LockSpaceHandle,
  MAX_THREADS,
  Mutex,
  RefCount,
  RwSemaphore,
  Semaphore,
  Srcu,
} from '@mediated/core/sync';

export const PERMITS = 3;
const REFERENCES = 1;

/** Structured-cloneable access to a yard. */
export interface YardHandle {
  readonly space: LockSpaceHandle;
  readonly mutex: LockHandle<'mutex'>;
  readonly table: LockHandle<'rwSemaphore'>;
  readonly permits: LockHandle<'semaphore'>;
  readonly users: LockHandle<'trackedRefCount' | 'refCount'>;
  readonly domain: LockHandle<'srcu'>;
  readonly data: Int32Array<SharedArrayBuffer>;
}

/** A pair of words that are equal while nobody is in the middle of changing them. */
export class Pair {
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(
    words: Int32Array,
    at: number,
    readonly lock: string,
  ) {
    this.#words = words;
    this.#at = at;
  }

  get isWhole(): boolean {
    return Atomics.load(this.#words, this.#at) === Atomics.load(this.#words, this.#at + 1);
  }

  /** Changes one word, does `between`, changes the other. */
  change(between: () => void): void {
    Atomics.add(this.#words, this.#at, 1);
    between();
    Atomics.add(this.#words, this.#at + 1, 1);
  }

  repair(): void {
    Atomics.store(this.#words, this.#at + 1, Atomics.load(this.#words, this.#at));
  }
}

export class LockYard {
  readonly space: LockSpace;
  readonly mutex: Mutex;
  readonly table: RwSemaphore;
  readonly permits: Semaphore;
  readonly users: RefCount;
  readonly domain: Srcu;
  readonly underMutex: Pair;
  readonly underTable: Pair;
  readonly #data: Int32Array<SharedArrayBuffer>;

  private constructor(handle: YardHandle, space: LockSpace) {
    this.space = space;
    this.mutex = Mutex.from(handle.mutex);
    this.table = RwSemaphore.from(handle.table);
    this.permits = Semaphore.from(handle.permits);
    this.users = RefCount.from(handle.users);
    this.domain = Srcu.from(handle.domain);
    this.#data = handle.data;
    this.underMutex = new Pair(handle.data, 0, 'mutex');
    this.underTable = new Pair(handle.data, 2, 'table');
  }

  /** Makes a yard, on the thread that watches its users. */
  static create(): LockYard {
    const space = LockSpace.create();
    const handle: YardHandle = {
      space: space.handle,
      mutex: space.mutex('yard mutex').handle,
      table: space.rwSemaphore('yard table').handle,
      permits: space.semaphore(PERMITS, 'yard permits').handle,
      users: space.refCount(REFERENCES, 'yard users', { tracked: true }).handle,
      domain: space.srcu('yard domain').handle,
      data: new Int32Array(new SharedArrayBuffer(16)),
    };
    return new LockYard(handle, space);
  }

  static from(handle: YardHandle): LockYard {
    return new LockYard(handle, LockSpace.from(handle.space));
  }

  get handle(): YardHandle {
    const { space, mutex, table, permits, users, domain } = this;
    return {
      space: space.handle,
      mutex: mutex.handle,
      table: table.handle,
      permits: permits.handle,
      users: users.handle,
      domain: domain.handle,
      data: this.#data,
    };
  }

  /** What is not as it was made, while nobody uses the yard. Takes every lock once. */
  async leftovers(): Promise<string[]> {
    const left: string[] = [];
    const { mutex, table, permits, users, domain } = this;
    for (let thread = 0; thread < MAX_THREADS; thread++) {
      if (this.space.holds(thread)) left.push(`thread ${thread} holds or awaits a lock of the yard`);
    }
    if (permits.value !== PERMITS) left.push(`the semaphore has ${permits.value} permits, not ${PERMITS}`);
    if (users.value !== REFERENCES) left.push(`the reference count is ${users.value}, not ${REFERENCES}`);
    for (const { waiting } of [mutex, table, permits, domain].map((lock) => lock.stats())) {
      if (waiting !== 0) left.push(`${waiting} threads wait for a lock of the yard`);
    }
    if (left.length > 0) return left;
    const guard = await mutex.lock();
    if (!this.underMutex.isWhole && !guard.ownerDied) left.push('the data of the mutex are torn');
    this.underMutex.repair();
    guard.release();
    const write = await table.write();
    if (!this.underTable.isWhole && !write.ownerDied) left.push('the data of the table are torn');
    this.underTable.repair();
    write.release();
    await domain.synchronize();
    return left;
  }
}
