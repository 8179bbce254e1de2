/**
 * How a device that is being registered gets into an IOMMU group, and out of it (spec/vfio-core section 7). Called by
 * `vfio-driver.ts` on the device's thread. A mediated device has a group of its own, made with it; what physical devices
 * share is in `physical/`.
 */
import { type BusMemory, MediatedError } from '@mediated/core';
import type { VfioDevice } from './device.js';
import { emitGroup } from './uevents.js';

export interface DeviceGroups {
  /** Puts a device into its group and notes the number in the device's slot. Throws when there is none for it. */
  join(device: VfioDevice): void;
  /** Takes it out again; the last one takes the group's node with it. */
  leave(device: VfioDevice): void;
}

/** A group per device, with the lowest free number. */
export class EmulatedGroups implements DeviceGroups {
  readonly #memory: BusMemory;

  constructor(memory: BusMemory) {
    this.#memory = memory;
  }

  join(device: VfioDevice): void {
    const group = this.#memory.groups.allocate();
    if (group < 0) throw new MediatedError('ENOMEM', 'no IOMMU group number is free', { syscall: 'probe' });
    device.setGroup(group);
    emitGroup(this.#memory, 'add', group);
  }

  leave(device: VfioDevice): void {
    const { group } = device;
    emitGroup(this.#memory, 'remove', group);
    // Out of the slot first: a death in between may lose a number, but frees none that has a new holder.
    device.setGroup(-1);
    this.#memory.groups.free(group);
  }
}
