/**
 * A vfio device as its driver's callbacks see it (spec/vfio-core sections 1 to 5): lives on the thread that probed its
 * mdev, from probe to final release. Its counts are shared words (`device-words.ts`).
 */
import { type BusMemory, DEVICE_IDS, DEVICE_NAME, type MdevDevice, type MdevType } from '@mediated/core';
import { RefCount } from '@mediated/core/sync';
import { type DeviceSet, type DeviceWords, OwnSet } from './device-set.js';
import { IOMMUFD, LISTED, OPEN_COUNT, REFERENCES } from './device-words.js';
import { DeviceAccess, type DeviceDma } from './iommu/device-access.js';
import type { SetStatistics } from './set-statistics.js';

export class VfioDevice<Data = unknown> implements DeviceWords {
  readonly mdev: MdevDevice;
  /** What the driver's `init` returned. */
  data!: Data;
  /** The set it belongs to, from registration to final release. */
  set: DeviceSet;
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly offset: number;
  /**
   * Number of the virtual machine that uses the device, 0 if none does; the same from before `openDevice` to after
   * `closeDevice`.
   */
  kvm = 0;
  /** The device whose IOMMU isolates its DMA (`DeviceOperations.iommuDevice`); undefined: there is none. */
  iommuDevice: string | undefined;
  /** @internal Its place in the order in which the devices of its group have joined. */
  place = 0;
  readonly #memory: BusMemory;
  readonly #ids: number;
  #access: DeviceAccess | undefined;
  #references: RefCount | undefined;

  /** `ownSets` counts what the mutexes of sets of one device have counted. */
  constructor(memory: BusMemory, mdev: MdevDevice, ownSets: SetStatistics) {
    const { words, offset } = mdev.frameworkWords;
    this.mdev = mdev;
    this.#memory = memory;
    this.words = words;
    this.offset = offset;
    this.#ids = memory.devices.base(mdev.index) + DEVICE_IDS;
    this.set = new OwnSet(this, ownSets);
  }

  get uuid(): string {
    return this.mdev.uuid;
  }

  /** Its name on its bus: the UUID of a mediated device, what its driver says (`0000:01:00.0`) of another. */
  get name(): string {
    const { mdev } = this;
    const id = mdev.words[mdev.at + DEVICE_NAME];
    if (id === 0) return mdev.uuid;
    const path = this.#memory.nameOf(id - 1);
    return path.slice(path.lastIndexOf('/') + 1);
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

  /** Guest memory, while a program has the device open through a container or an iommufd. */
  get dma(): DeviceDma {
    return this.access;
  }

  /** @internal */
  get access(): DeviceAccess {
    this.#access ??= new DeviceAccess();
    return this.#access;
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
    Atomics.store(this.words, this.offset + LISTED, listed ? this.place + 1 : 0);
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

  /** Number of the iommufd context that it is bound to; 0: none. Other devices' is in their slots. */
  get iommufd(): number {
    return Atomics.load(this.words, this.offset + IOMMUFD);
  }

  /** @internal Under the set's mutex. */
  setIommufd(context: number): void {
    Atomics.store(this.words, this.offset + IOMMUFD, context);
  }

  /** @internal Under the set's mutex. Returns the new count. */
  addOpenCount(difference: number): number {
    return Atomics.add(this.words, this.offset + OPEN_COUNT, difference) + difference;
  }
}
