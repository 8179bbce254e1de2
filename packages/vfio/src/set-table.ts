/**
 * The sets that devices share by key, in shared memory: one table per bus, used by all threads of all its drivers.
 *
 * A record has the key, the set's mutex, and a semaphore of which every member holds one permit, so that the members of
 * a thread that dies leave by its recovery. Owner rules: all of a record but ORDER is written under the registry mutex
 * (a leaf lock: taken while no set mutex is held); HASH goes from 0 last when a record is made and to 0 first when it is
 * given back, so whoever dies in between leaves a free record. ORDER: under the set's mutex.
 */
import { type BusMemory, MediatedError } from '@mediated/core';
import { type LockHandle, Mutex, Semaphore } from '@mediated/core/sync';
import { type DeviceSet, type DeviceWords, SET_LOCK } from './device-set.js';
import { SET_STATISTICS_WORDS, SetStatistics } from './set-statistics.js';
import { SharedSet } from './shared-set.js';
import { underMutex } from './under-mutex.js';

/** Structured-cloneable access to the table. */
export interface SetTableHandle {
  readonly records: SharedArrayBuffer;
  readonly registry: LockHandle<'mutex'>;
  /** Sums of the statistics of sets that have ended: shared ones, then sets of one device. */
  readonly statistics: Int32Array<SharedArrayBuffer>;
}

/** Class of the registry mutex to the order checker. */
export const REGISTRY_LOCK = 'device set registry';

const HASH = 0;
const KEY_BYTES = 1;
const MUTEX = 2;
const MEMBERS = 3;
const ORDER = 4;
const KEY = 8;
const RECORD_WORDS = 32;
const LONGEST_KEY = (RECORD_WORDS - KEY) * 4;
/** Most shared sets of a bus. */
const RECORDS = 8192;
/** Most members of a set. */
const MOST_MEMBERS = 2 ** 20;

export class SetTable {
  readonly #memory: BusMemory;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array;
  /** The registry mutex. */
  readonly registry: Mutex;
  readonly sharedSets: SetStatistics;
  readonly ownSets: SetStatistics;

  private constructor(handle: SetTableHandle, memory: BusMemory) {
    this.#memory = memory;
    this.#words = new Int32Array(handle.records);
    this.#bytes = new Uint8Array(handle.records);
    this.registry = Mutex.from(handle.registry);
    this.sharedSets = new SetStatistics(handle.statistics, 0);
    this.ownSets = new SetStatistics(handle.statistics, SET_STATISTICS_WORDS);
  }

  /** Makes the table of a bus. */
  static create(memory: BusMemory): SetTableHandle {
    const records = new SharedArrayBuffer(RECORDS * RECORD_WORDS * 4);
    const statistics = new Int32Array(new SharedArrayBuffer(2 * SET_STATISTICS_WORDS * 4));
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

  /** The mutexes of all shared sets at the moment; for reading only, a set may end meanwhile. */
  mutexes(): Mutex[] {
    const found: Mutex[] = [];
    for (let at = 0; at < this.#words.length; at += RECORD_WORDS) {
      if (Atomics.load(this.#words, at + HASH) !== 0) found.push(this.#mutex(at));
    }
    return found;
  }

  #admit(device: DeviceWords, key: string, bytes: Uint8Array): SharedSet {
    const hash = hashOf(bytes);
    const record = this.#find(hash, bytes) ?? this.#make(hash, bytes);
    const at = record * RECORD_WORDS;
    const members = this.#members(at);
    if (!members.tryAcquire()) throw new MediatedError('ENOMEM', `device set ${key} is full`);
    const mutex = this.#mutex(at);
    const leave = () => underMutex(this.registry, () => this.#drop(at, members));
    const order = { words: this.#words, index: at + ORDER };
    return new SharedSet({ key, mutex, device, record, order, memory: this.#memory, leave });
  }

  #find(hash: number, key: Uint8Array): number | undefined {
    const words = this.#words;
    for (let record = 0; record < RECORDS; record++) {
      const at = record * RECORD_WORDS;
      if (words[at + HASH] !== hash || words[at + KEY_BYTES] !== key.length) continue;
      const start = (at + KEY) * 4;
      if (key.every((byte, i) => this.#bytes[start + i] === byte)) return record;
    }
    return undefined;
  }

  #make(hash: number, key: Uint8Array): number {
    const words = this.#words;
    const record = this.#free();
    const at = record * RECORD_WORDS;
    const { locks } = this.#memory;
    try {
      words[at + MUTEX] = locks.mutex().handle.offset;
      words[at + MEMBERS] = locks.semaphore(MOST_MEMBERS).handle.offset;
    } catch (cause) {
      throw new MediatedError('ENOMEM', 'no room for the locks of a device set', { cause });
    }
    words[at + ORDER] = 0;
    words[at + KEY_BYTES] = key.length;
    this.#bytes.set(key, (at + KEY) * 4);
    Atomics.store(words, at + HASH, hash);
    return record;
  }

  /** A free record, or one whose members all died with their threads. */
  #free(): number {
    let deserted = -1;
    for (let record = 0; record < RECORDS; record++) {
      const at = record * RECORD_WORDS;
      if (this.#words[at + HASH] === 0) return record;
      if (deserted < 0 && this.#members(at).value === MOST_MEMBERS) deserted = record;
    }
    if (deserted < 0) throw new MediatedError('ENOMEM', `${RECORDS} device sets are in use`);
    this.#giveBack(deserted * RECORD_WORDS);
    return deserted;
  }

  /** A member leaves; the last one takes the set with it. */
  #drop(at: number, members: Semaphore): void {
    members.release();
    if (members.value === MOST_MEMBERS) this.#giveBack(at);
  }

  #giveBack(at: number): void {
    Atomics.store(this.#words, at + HASH, 0);
    this.sharedSets.add(this.#mutex(at));
    this.#memory.locks.free({ handle: this.#lock('mutex', at + MUTEX) });
    this.#memory.locks.free({ handle: this.#lock('semaphore', at + MEMBERS) });
  }

  #mutex(at: number): Mutex {
    return Mutex.from(this.#lock('mutex', at + MUTEX, SET_LOCK));
  }

  #members(at: number): Semaphore {
    return Semaphore.from(this.#lock('semaphore', at + MEMBERS));
  }

  #lock<Kind extends 'mutex' | 'semaphore'>(kind: Kind, word: number, name?: string): LockHandle<Kind> {
    const { buffer, threads } = this.#memory.locks.handle;
    return { kind, buffer, threads, offset: this.#words[word], name };
  }
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
