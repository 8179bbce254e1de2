/**
 * Device sets (spec/vfio-core section 5): devices whose first opens and last closes exclude each other, across threads.
 * This file has what all sets have in common, and the set of a device that chose none.
 */
import { Mutex } from '@mediated/core/sync';
import { OPEN_COUNT, OWN_MUTEX } from './device-words.js';
import type { SetStatistics } from './set-statistics.js';

/** Class of the mutexes of sets to the order checker. */
export const SET_LOCK = 'device set';

/** Where a device's words lie. */
export interface DeviceWords {
  /** Number of its slot. */
  readonly index: number;
  readonly words: Int32Array<SharedArrayBuffer>;
  /** First of its framework words. */
  readonly offset: number;
}

/** A set as one of its members sees it. */
export interface DeviceSet {
  /** The key that its members chose; undefined for a set of one device that chose none. */
  readonly key: string | undefined;
  /** Held around first open and last close of every member. A later set may get the same one, whose statistics go on. */
  readonly mutex: Mutex;
  /** Slots of the members in the order in which they joined. For a stable answer, hold the mutex. */
  members(): number[];
  /** Sum of the members' open counts. For a stable answer, hold the mutex. */
  openCount(): number;
  /** The member leaves: the first step of its final release. */
  leave(): void | Promise<void>;
}

/** The set of a device that chose none: its mutex lies in the device's slot. */
export class OwnSet implements DeviceSet {
  readonly key = undefined;
  readonly #device: DeviceWords;
  readonly #statistics: SetStatistics;
  #mutex: Mutex | undefined;

  constructor(device: DeviceWords, statistics: SetStatistics) {
    this.#device = device;
    this.#statistics = statistics;
  }

  /** Opened at the first use: most devices are created and removed without being opened. */
  get mutex(): Mutex {
    const { words, offset } = this.#device;
    this.#mutex ??= Mutex.at(words, offset + OWN_MUTEX, { name: SET_LOCK });
    return this.#mutex;
  }

  members(): number[] {
    return [this.#device.index];
  }

  openCount(): number {
    return Atomics.load(this.#device.words, this.#device.offset + OPEN_COUNT);
  }

  leave(): void {
    if (this.#mutex !== undefined) this.#statistics.add(this.#mutex);
  }
}
