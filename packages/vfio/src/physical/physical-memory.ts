/**
 * What the threads of a driver of physical devices share of them: who has each device. Made by the supervising thread
 * when the driver is loaded. Registered devices and users of kernel DMA are counted per group in the bus's group records.
 *
 * Owner rules. Per device, HOLDER: HOST at the start where a host driver is described, else NOBODY; VFIO by the device's
 * thread when it is bound, back to NOBODY by it when it is released, or by the supervising thread when it has died.
 * SLOT: the number of the device's slot plus one, by the same.
 */
import { type BusMemory, MediatedError } from '@mediated/core';
import type { GroupRecords } from '../control/group-records.js';
import type { PhysicalDevice } from './description.js';

const HOLDER = 0;
const SLOT = 1;
const DEVICE_WORDS = 2;

const NOBODY = 0;
const HOST = 1;
const VFIO = 2;

/** Structured-cloneable access. */
export interface PhysicalHandle {
  readonly devices: Int32Array<SharedArrayBuffer>;
}

export class PhysicalMemory {
  readonly handle: PhysicalHandle;
  readonly devices: readonly PhysicalDevice[];
  readonly #memory: BusMemory;
  readonly #records: GroupRecords;
  readonly #groups: readonly number[];

  private constructor(
    memory: BusMemory,
    records: GroupRecords,
    devices: readonly PhysicalDevice[],
    handle: PhysicalHandle,
  ) {
    this.#memory = memory;
    this.#records = records;
    this.devices = devices;
    this.handle = handle;
    this.#groups = groupsOf(devices);
  }

  /**
   * Takes the numbers of the described groups, which are theirs until the driver is unloaded. EBUSY: one is in use.
   */
  static create(memory: BusMemory, records: GroupRecords, devices: readonly PhysicalDevice[]): PhysicalMemory {
    const groups = groupsOf(devices);
    const taken: number[] = [];
    for (const group of groups) {
      if (memory.groups.reserve(group)) {
        taken.push(group);
        continue;
      }
      for (const number of taken) memory.groups.free(number);
      const text = `IOMMU group ${group} is in use already; load this driver first, or describe another number`;
      throw new MediatedError('EBUSY', text, { syscall: 'loadDriver' });
    }
    const words = new Int32Array(new SharedArrayBuffer(Math.max(devices.length, 1) * DEVICE_WORDS * 4));
    devices.forEach((described, device) => {
      if (described.host !== undefined) words[device * DEVICE_WORDS + HOLDER] = HOST;
      if (usesKernelDma(described)) records.addKernelUser(described.group);
    });
    return new PhysicalMemory(memory, records, devices, { devices: words });
  }

  static from(
    memory: BusMemory,
    records: GroupRecords,
    devices: readonly PhysicalDevice[],
    handle: PhysicalHandle,
  ): PhysicalMemory {
    return new PhysicalMemory(memory, records, devices, handle);
  }

  /** Gives the numbers of the groups back: no device is bound any more. */
  release(): void {
    this.devices.forEach((described, device) => {
      const held = Atomics.load(this.handle.devices, device * DEVICE_WORDS + HOLDER) === HOST;
      if (held && usesKernelDma(described)) this.#records.dropKernelUser(described.group);
    });
    for (const group of this.#groups) this.#memory.groups.free(group);
  }

  /** Binds the device at a place of the descriptions; it leaves its host driver, as an override has it. */
  take(device: number, slot: number): void {
    Atomics.store(this.handle.devices, device * DEVICE_WORDS + SLOT, slot + 1);
    const before = Atomics.exchange(this.handle.devices, device * DEVICE_WORDS + HOLDER, VFIO);
    const described = this.devices[device];
    if (before === HOST && usesKernelDma(described)) this.#records.dropKernelUser(described.group);
  }

  /** The device has no driver any more. */
  drop(device: number): void {
    Atomics.store(this.handle.devices, device * DEVICE_WORDS + HOLDER, NOBODY);
    Atomics.store(this.handle.devices, device * DEVICE_WORDS + SLOT, 0);
  }

  /** Slot of the device that is bound at a place of the descriptions, from `take` to `drop`; -1: none. */
  slotOf(device: number): number {
    return Atomics.load(this.handle.devices, device * DEVICE_WORDS + SLOT) - 1;
  }

  /** Place among the descriptions of the device in a slot; -1: it is none of these. */
  deviceIn(slot: number): number {
    for (let device = 0; device < this.devices.length; device++) if (this.slotOf(device) === slot) return device;
    return -1;
  }

  /** Devices of a group with which a host's driver lets the kernel do DMA: the group is not viable while there are any. */
  kernelDmaUsers(group: number): number {
    return this.#records.kernelUsers(group);
  }
}

/** Whether a device, while its host driver has it, keeps its group from being used. */
function usesKernelDma(device: PhysicalDevice): device is PhysicalDevice & { readonly group: number } {
  return device.group !== undefined && device.host !== undefined && device.host.kernelDma !== false;
}

function groupsOf(devices: readonly PhysicalDevice[]): number[] {
  return [...new Set(devices.flatMap(({ group }) => (group === undefined ? [] : [group])))];
}
