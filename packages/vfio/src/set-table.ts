/**
 * The sets that devices share by key, in shared memory: one table per bus, used by all threads of all its drivers.
 *
 * A record has the key, the set's mutex, and a semaphore of which every member holds one permit, so that the members of
 * a thread that dies leave by its recovery (`recoverSets`, on the supervising thread). Both locks lie in the record and stay there
 * from set to set: nothing is allocated, so nothing is lost by a death between two steps.
 *
 * Owner rules: all of a record but ORDER and the locks is written under the registry mutex (a leaf lock: taken while no set mutex is
 * held). HASH goes from 0 last when a set is made, and to 0 when it has no member: whoever dies before leaves a free record, or
 * one whose members all died, which is taken like a free one. HIGH, under the registry mutex: records with a
 * semaphore; counted up after that was set up, which whoever comes after a death in between does again. Recovery looks at no
 * others. ORDER: under the set's mutex.
 */
import { type BusMemory, MediatedError } from '@mediated/core';
import { type LockHandle, type LockStats, Mutex, registerLockRegion, Semaphore } from '@mediated/core/sync';
import { type DeviceSet, type DeviceWords, SET_LOCK } from './device-set.js';
import { SET_STATISTICS_WORDS, SetStatistics, sumOf } from './set-statistics.js';
import { SharedSet } from './shared-set.js';
import { underMutex } from './under-mutex.js';

/** Structured-cloneable access to the table. */
export interface SetTableHandle {
  readonly records: SharedArrayBuffer;
  readonly registry: LockHandle<'mutex'>;
  /** Sums of the statistics of sets of one device that have ended. */
  readonly statistics: Int32Array<SharedArrayBuffer>;
}

/** Class of the registry mutex to the order checker. */
export const REGISTRY_LOCK = 'device set registry';

const HIGH = 0;
const CACHE_LINE_WORDS = 16;
/** Where the records begin. */
const FIRST = CACHE_LINE_WORDS;

const HASH = 0;
const KEY_BYTES = 1;
const ORDER = 4;
const KEY = 8;
const MUTEX = 32;
const MEMBERS = 48;
const RECORD_WORDS = Math.ceil((MEMBERS + Semaphore.WORDS) / CACHE_LINE_WORDS) * CACHE_LINE_WORDS;
const LONGEST_KEY = (MUTEX - KEY) * 4;
/** Most shared sets of a bus. */
const RECORDS = 8192;
/** Most members of a set. */
const MOST_MEMBERS = 2 ** 20;

if (MUTEX + Mutex.WORDS > MEMBERS) throw new Error("a set's record has no room for its mutex");

/** Bytes of a table with so many records. */
export function setTableBytes(records: number): number {
  return (FIRST + records * RECORD_WORDS) * 4;
}

/** Has the locks of all sets freed of threads that are reaped on the calling thread; returns the function that ends this. */
export function recoverSets({ records }: SetTableHandle): () => void {
  const words = new Int32Array(records);
  const count = () => Atomics.load(words, HIGH);
  // The mutexes first: a set whose members have all left may be made anew at once.
  const forgets = [
    registerLockRegion({ words, first: FIRST + MUTEX, stride: RECORD_WORDS, count, kind: 'mutex' }),
    registerLockRegion({ words, first: FIRST + MEMBERS, stride: RECORD_WORDS, count, kind: 'semaphore' }),
  ];
  return () => {
    for (const forget of forgets) forget();
  };
}

export class SetTable {
  readonly #memory: BusMemory;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array;
  /** The registry mutex. */
  readonly registry: Mutex;
  readonly ownSets: SetStatistics;

  private constructor(handle: SetTableHandle, memory: BusMemory) {
    this.#memory = memory;
    this.#words = new Int32Array(handle.records);
    this.#bytes = new Uint8Array(handle.records);
    this.registry = Mutex.from(handle.registry);
    this.ownSets = new SetStatistics(handle.statistics);
  }

  /** Makes the table of a bus. */
  static create(memory: BusMemory): SetTableHandle {
    const records = new SharedArrayBuffer(setTableBytes(RECORDS));
    const statistics = new Int32Array(new SharedArrayBuffer(SET_STATISTICS_WORDS * 4));
    return { records, registry: memory.locks.mutex(REGISTRY_LOCK).handle, statistics };
  }

  static from(handle: SetTableHandle, memory: BusMemory): SetTable {
    return new SetTable(handle, memory);
  }

  /**
   * Makes a device a member of the set of `key`, which is made when there is none. Errors: EINVAL (a key is 1 to 96
   * bytes of UTF-8), ENOMEM (no room for another set, or too many members).
   */
  join(device: DeviceWords, key: string): DeviceSet | Promise<DeviceSet> {
    const bytes = new TextEncoder().encode(key);
    if (bytes.length === 0 || bytes.length > LONGEST_KEY) {
      throw new MediatedError('EINVAL', `device set key ${JSON.stringify(key)} is not 1 to ${LONGEST_KEY} bytes long`);
    }
    const admitted = underMutex(this.registry, () => this.#admit(device, key, bytes));
    return admitted instanceof Promise ? admitted.then(enlist) : enlist(admitted);
  }

  /** What the mutexes of all shared sets have counted, those that have ended included. */
  statistics(): LockStats {
    return sumOf(Array.from({ length: this.#high }, (_, record) => this.#mutex(placeOf(record))));
  }

  /** Free permits of each record's semaphore, and how many are free where a set has no member. */
  vacancies(): { readonly free: readonly number[]; readonly all: number } {
    const free = Array.from({ length: this.#high }, (_, record) => this.#members(placeOf(record)).value);
    return { free, all: MOST_MEMBERS };
  }

  get #high(): number {
    return Atomics.load(this.#words, HIGH);
  }

  #admit(device: DeviceWords, key: string, bytes: Uint8Array): SharedSet {
    const hash = hashOf(bytes);
    const record = this.#find(hash, bytes) ?? this.#make(hash, bytes);
    const at = placeOf(record);
    const members = this.#members(at);
    if (!members.tryAcquire()) throw new MediatedError('ENOMEM', `device set ${key} is full`);
    const mutex = this.#mutex(at);
    const leave = () => underMutex(this.registry, () => this.#drop(at, members));
    const order = { words: this.#words, index: at + ORDER };
    return new SharedSet({ key, mutex, device, record, order, memory: this.#memory, leave });
  }

  #find(hash: number, key: Uint8Array): number | undefined {
    const words = this.#words;
    const high = this.#high;
    for (let record = 0; record < high; record++) {
      const at = placeOf(record);
      if (words[at + HASH] !== hash || words[at + KEY_BYTES] !== key.length) continue;
      const start = (at + KEY) * 4;
      if (key.every((byte, i) => this.#bytes[start + i] === byte)) return record;
    }
    return undefined;
  }

  #make(hash: number, key: Uint8Array): number {
    const words = this.#words;
    const record = this.#free() ?? this.#extend();
    const at = placeOf(record);
    Atomics.store(words, at + HASH, 0);
    words[at + ORDER] = 0;
    words[at + KEY_BYTES] = key.length;
    this.#bytes.set(key, (at + KEY) * 4);
    Atomics.store(words, at + HASH, hash);
    return record;
  }

  /** A record that was used before: of a set that has ended, or whose members all died with their threads. */
  #free(): number | undefined {
    const high = this.#high;
    for (let record = 0; record < high; record++) {
      if (this.#members(placeOf(record)).value === MOST_MEMBERS) return record;
    }
    return undefined;
  }

  /** A record that was never used before. */
  #extend(): number {
    const record = this.#high;
    if (record === RECORDS) throw new MediatedError('ENOMEM', `${RECORDS} device sets are in use`);
    Semaphore.initialize(this.#words, placeOf(record) + MEMBERS, MOST_MEMBERS);
    Atomics.store(this.#words, HIGH, record + 1);
    return record;
  }

  /** A member leaves; the last one takes the set with it. */
  #drop(at: number, members: Semaphore): void {
    members.release();
    if (members.value === MOST_MEMBERS) Atomics.store(this.#words, at + HASH, 0);
  }

  #mutex(at: number): Mutex {
    return Mutex.at(this.#words, at + MUTEX, { name: SET_LOCK });
  }

  #members(at: number): Semaphore {
    return Semaphore.at(this.#words, at + MEMBERS);
  }
}

/** Where a record begins. */
function placeOf(record: number): number {
  return FIRST + record * RECORD_WORDS;
}

/** FNV-1a, never 0. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash === 0 ? 1 : hash;
}

function enlist(set: SharedSet): DeviceSet | Promise<DeviceSet> {
  return set.enlist();
}
