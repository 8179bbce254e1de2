/**
 * What the threads of a PCI driver share of each node of the topology, functions and bridges. Made by the supervising
 * thread when the driver is loaded.
 *
 * DEVICE_LOCK   a mutex: held during a reset of the function, and of everything around it. Any thread, by try; recovered.
 * NEEDS_RESET   a program has used the function and it was not reset since: the function's thread under the set's mutex;
 *               whoever has reset the whole set, under the same.
 * GUARD         number of its memory guard plus one, 0 while it is not bound; GENERATION of its slot; THREAD, ACTOR: where
 *               its steps are asked for. The function's thread; GUARD also the supervising thread when that has died.
 * VFS           virtual functions that there are: the physical function's thread; the supervising thread when it has died.
 * TOKEN_LOCK, TOKEN_USERS, TOKEN  of a physical function: open virtual functions, and what their programs must know. Any
 *               thread, under TOKEN_LOCK, which is held briefly.
 * COUNTED       1 while an open virtual function is counted among the users: its thread; the supervising thread when that
 *               has died.
 * RESETS        how often the function was reset alone, and with others: the function's thread.
 */
import { randomBytes } from 'node:crypto';
import { Mutex, registerLockRegion } from '@mediated/core/sync';
import type { PciNode } from './topology-nodes.js';

const DEVICE_LOCK = 0;
const NEEDS_RESET = DEVICE_LOCK + Mutex.WORDS;
const GUARD = NEEDS_RESET + 1;
const GENERATION = GUARD + 1;
const THREAD = GENERATION + 1;
const ACTOR = THREAD + 1;
const VFS = ACTOR + 1;
const TOKEN_LOCK = VFS + 1;
const TOKEN_USERS = TOKEN_LOCK + Mutex.WORDS;
const TOKEN = TOKEN_USERS + 1;
const TOKEN_WORDS = 4;
const COUNTED = TOKEN + TOKEN_WORDS;
const RESETS = COUNTED + 1;
const RECORD_WORDS = Math.ceil((RESETS + 2) / 16) * 16;

/** Class of the device locks to the order checker. */
const DEVICE_LOCK_NAME = 'pci device';

/** Structured-cloneable access. */
export type NodeRecordsHandle = Int32Array<SharedArrayBuffer>;

/** Where the steps of a bound function are asked for. */
export interface FunctionAddress {
  readonly thread: number;
  readonly actor: number;
  readonly generation: number;
}

export class NodeRecords {
  readonly words: NodeRecordsHandle;
  readonly #locks = new Map<number, Mutex>();

  constructor(words: NodeRecordsHandle) {
    this.words = words;
  }

  /** Records of nodes, and how their locks are forgotten when the driver is unloaded. */
  static create(nodes: readonly PciNode[]): { records: NodeRecords; forget: () => void } {
    const words = new Int32Array(new SharedArrayBuffer(Math.max(1, nodes.length) * RECORD_WORDS * 4));
    const records = new NodeRecords(words);
    for (const { place, sriov } of nodes) {
      words[place * RECORD_WORDS + VFS] = sriov?.enabled ?? 0;
      const token = randomBytes(TOKEN_WORDS * 4);
      for (let i = 0; i < TOKEN_WORDS; i++) words[place * RECORD_WORDS + TOKEN + i] = token.readInt32LE(i * 4);
    }
    const region = (first: number) =>
      registerLockRegion({ words, first, stride: RECORD_WORDS, count: () => nodes.length, kind: 'mutex' });
    const forgets = [region(DEVICE_LOCK), region(TOKEN_LOCK)];
    return {
      records,
      forget: () => {
        for (const forget of forgets) forget();
      },
    };
  }

  deviceLock(place: number): Mutex {
    let lock = this.#locks.get(place);
    if (lock === undefined) {
      lock = Mutex.at(this.words, place * RECORD_WORDS + DEVICE_LOCK, { name: DEVICE_LOCK_NAME });
      this.#locks.set(place, lock);
    }
    return lock;
  }

  /** Tries the locks of several nodes in this order: all, or none and undefined. Returns how to let go. */
  tryLockAll(places: readonly number[]): (() => void) | undefined {
    const held: Mutex[] = [];
    const release = () => {
      for (const lock of held.reverse()) lock.unlock();
    };
    for (const place of places) {
      const lock = this.deviceLock(place);
      if (!lock.tryLock()) {
        release();
        return undefined;
      }
      // What a reset that has died left half-done, the function's thread puts right.
      if (lock.ownerDied) lock.markConsistent();
      held.push(lock);
    }
    return release;
  }

  needsReset(place: number): boolean {
    return this.#load(place, NEEDS_RESET) !== 0;
  }

  setNeedsReset(place: number, needed: boolean): void {
    this.#store(place, NEEDS_RESET, needed ? 1 : 0);
  }

  /** The function is bound. */
  publish(place: number, guard: number, { thread, actor, generation }: FunctionAddress): void {
    this.#store(place, THREAD, thread);
    this.#store(place, ACTOR, actor);
    this.#store(place, GENERATION, generation);
    this.#store(place, GUARD, guard + 1);
  }

  /** It is bound no more. */
  withdraw(place: number): void {
    this.#store(place, GUARD, 0);
    this.#store(place, NEEDS_RESET, 0);
  }

  /** The thread that had it bound has died. */
  reclaim({ place, physical }: PciNode): void {
    this.withdraw(place);
    this.#store(place, VFS, 0);
    if (physical !== undefined) this.countUser(place, physical.place, false);
  }

  /** Counts a virtual function among the open ones of its physical function, or no more. */
  countUser(place: number, physical: number, open: boolean): void {
    const before = Atomics.exchange(this.words, place * RECORD_WORDS + COUNTED, open ? 1 : 0);
    const difference = Number(open) - before;
    if (difference === 0) return;
    this.withToken(physical, (token) => {
      token.users += difference;
    });
  }

  /** Number of the memory guard of a bound function; -1: it is not bound. */
  guardOf(place: number): number {
    return this.#load(place, GUARD) - 1;
  }

  addressOf(place: number): FunctionAddress {
    return {
      thread: this.#load(place, THREAD),
      actor: this.#load(place, ACTOR),
      generation: this.#load(place, GENERATION),
    };
  }

  virtualFunctions(place: number): number {
    return this.#load(place, VFS);
  }

  setVirtualFunctions(place: number, count: number): void {
    this.#store(place, VFS, count);
  }

  /** Runs `body` with the token of a physical function; it may change what it is given. */
  withToken<T>(place: number, body: (token: VfToken) => T): T {
    const lock = Mutex.at(this.words, place * RECORD_WORDS + TOKEN_LOCK);
    lock.lockBriefly();
    try {
      return body(new VfToken(this.words, place * RECORD_WORDS));
    } finally {
      lock.unlock();
    }
  }

  countReset(place: number, kind: 'function' | 'bus'): void {
    Atomics.add(this.words, place * RECORD_WORDS + RESETS + (kind === 'function' ? 0 : 1), 1);
  }

  resetsOf(place: number): { readonly function: number; readonly bus: number } {
    return { function: this.#load(place, RESETS), bus: this.#load(place, RESETS + 1) };
  }

  #load(place: number, word: number): number {
    return Atomics.load(this.words, place * RECORD_WORDS + word);
  }

  #store(place: number, word: number, value: number): void {
    Atomics.store(this.words, place * RECORD_WORDS + word, value);
  }
}

/** The token of a physical function, while its lock is held. */
class VfToken {
  readonly #words: NodeRecordsHandle;
  readonly #at: number;

  constructor(words: NodeRecordsHandle, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /** Open virtual functions. */
  get users(): number {
    return this.#words[this.#at + TOKEN_USERS];
  }

  set users(users: number) {
    this.#words[this.#at + TOKEN_USERS] = users;
  }

  equals(token: Int32Array): boolean {
    return token.every((word, i) => this.#words[this.#at + TOKEN + i] === word);
  }

  set(token: Int32Array): void {
    this.#words.set(token, this.#at + TOKEN);
  }
}
