/**
 * A set that several devices share, as one member sees it, on the member's thread. Made by `set-table.ts`. What is said
 * of the membership in the member's slot (SET, JOINED) is written under the set's mutex.
 */
import { type BusMemory, DEVICE_FRAMEWORK } from '@mediated/core';
import type { Mutex } from '@mediated/core/sync';
import type { DeviceSet, DeviceWords } from './device-set.js';
import { JOINED, OPEN_COUNT, SET } from './device-words.js';
import { underMutex } from './under-mutex.js';

interface SharedSetParts {
  readonly key: string;
  readonly mutex: Mutex;
  readonly device: DeviceWords;
  /** Number of the set's record. */
  readonly record: number;
  /** The word that counts joins: under the set's mutex. */
  readonly order: { readonly words: Int32Array<SharedArrayBuffer>; readonly index: number };
  readonly memory: BusMemory;
  readonly leave: () => void | Promise<void>;
}

/** A shared set as one member sees it. */
export class SharedSet implements DeviceSet {
  readonly key: string;
  readonly mutex: Mutex;
  readonly #parts: SharedSetParts;

  constructor(parts: SharedSetParts) {
    this.key = parts.key;
    this.mutex = parts.mutex;
    this.#parts = parts;
  }

  /** Puts the member at the tail. */
  enlist(): DeviceSet | Promise<DeviceSet> {
    const { device, record, order } = this.#parts;
    return underMutex<DeviceSet>(this.mutex, () => {
      device.words[device.offset + JOINED] = order.words[order.index]++;
      Atomics.store(device.words, device.offset + SET, record + 1);
      return this;
    });
  }

  members(): number[] {
    const { devices } = this.#parts.memory;
    const { words } = devices;
    const found: { index: number; joined: number }[] = [];
    for (let index = 0; index < devices.top; index++) {
      const at = devices.base(index) + DEVICE_FRAMEWORK;
      if (Atomics.load(words, at + SET) !== this.#parts.record + 1) continue;
      if ((devices.generation(index) & 1) !== 0) found.push({ index, joined: words[at + JOINED] });
    }
    return found.sort((a, b) => a.joined - b.joined).map(({ index }) => index);
  }

  openCount(): number {
    const { devices } = this.#parts.memory;
    const openCountOf = (index: number) => devices.words[devices.base(index) + DEVICE_FRAMEWORK + OPEN_COUNT];
    return this.members().reduce((sum, index) => sum + openCountOf(index), 0);
  }

  leave(): void | Promise<void> {
    const { device, leave } = this.#parts;
    const left = underMutex(this.mutex, () => {
      Atomics.store(device.words, device.offset + SET, 0);
    });
    return left instanceof Promise ? left.then(leave) : leave();
  }
}
