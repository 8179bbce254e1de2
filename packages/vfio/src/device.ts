/**
 * A vfio device as its driver's callbacks see it (spec/vfio-core sections 1 to 5): lives on the thread that probed its
 * mdev, from probe to final release. Its counts are shared words (`device-words.ts`).
 */
import { type BusMemory, DEVICE_IDS, type MdevDevice, type MdevType } from '@mediated/core';
import { RefCount } from '@mediated/core/sync';
import { type DeviceSet, type DeviceWords, OwnSet } from './device-set.js';
import { LISTED, OPEN_COUNT, REFERENCES } from './device-words.js';
import type { SetStatistics } from './set-statistics.js';

export class VfioDevice<Data = unknown> implements DeviceWords {
  readonly mdev: MdevDevice;
  /** What the driver's `init` returned. */
  data!: Data;
  /** The set it belongs to, from registration to final release. */
  set: DeviceSet;
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly offset: number;
  readonly #ids: number;
  #references: RefCount | undefined;

  /** `ownSets` counts what the mutexes of sets of one device have counted. */
  constructor(memory: BusMemory, mdev: MdevDevice, ownSets: SetStatistics) {
    const { words, offset } = mdev.frameworkWords;
    this.mdev = mdev;
    this.words = words;
    this.offset = offset;
    this.#ids = memory.devices.base(mdev.index) + DEVICE_IDS;
    this.set = new OwnSet(this, ownSets);
  }

  /** The UUID: the device's name. */
  get uuid(): string {
    return this.mdev.uuid;
  }

  get type(): MdevType {
    return this.mdev.type;
  }

  /** Slot number, unique among live devices. */
  get index(): number {
    return this.mdev.index;
  }

  /** N of `vfioN`; -1 when it has none (any more). */
  get number(): number {
    return this.words[this.#ids + 1] - 1;
  }

  /** Number of its IOMMU group; -1 while it is not registered. */
  get group(): number {
    return this.words[this.#ids] - 1;
  }

  /** Open files. 1 inside `openDevice` and `closeDevice`. */
  get openCount(): number {
    return Atomics.load(this.words, this.offset + OPEN_COUNT);
  }

  /** @internal In its group's list, where an open finds it: from registration until unregistration begins. */
  get listed(): boolean {
    return this.words[this.offset + LISTED] !== 0;
  }

  set listed(listed: boolean) {
    Atomics.store(this.words, this.offset + LISTED, listed ? 1 : 0);
  }

  /** @internal The registration count. */
  get references(): RefCount {
    this.#references ??= RefCount.at(this.words, this.offset + REFERENCES, { name: 'vfio registration' });
    return this.#references;
  }

  /** @internal The driver layer notes the numbers that it took (-1: none). */
  setNumber(number: number): void {
    this.words[this.#ids + 1] = number + 1;
  }

  /** @internal */
  setGroup(group: number): void {
    this.words[this.#ids] = group + 1;
  }

  /** @internal Under the set's mutex. Returns the new count. */
  addOpenCount(difference: number): number {
    return Atomics.add(this.words, this.offset + OPEN_COUNT, difference) + difference;
  }
}
