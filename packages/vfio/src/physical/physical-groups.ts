/**
 * The IOMMU groups of physical devices (spec/vfio-core section 7): described, shared by several devices, with a node
 * from the first device that is registered to the last. A device without an IOMMU gets a group of its own where that is
 * allowed (8.6). Called by `vfio-driver.ts` on the devices' threads; what they share is in `physical-memory.ts`.
 */
import { type BusMemory, MediatedError } from '@mediated/core';
import type { VfioDevice } from '../device.js';
import { type DeviceGroups, EmulatedGroups } from '../device-groups.js';
import { emitGroup } from '../uevents.js';
import type { PhysicalMemory } from './physical-memory.js';

export class PhysicalGroups implements DeviceGroups {
  readonly #memory: BusMemory;
  readonly #physical: PhysicalMemory;
  readonly #noIommu: DeviceGroups | undefined;

  /** `noIommu`: devices without a group may be used. */
  constructor(memory: BusMemory, physical: PhysicalMemory, noIommu: boolean) {
    this.#memory = memory;
    this.#physical = physical;
    this.#noIommu = noIommu ? new EmulatedGroups(memory) : undefined;
  }

  join(device: VfioDevice): void {
    const { name, group } = this.#describe(device);
    if (group !== undefined) {
      device.setGroup(group);
      if (this.#physical.register(group)) emitGroup(this.#memory, 'add', group);
      return;
    }
    if (this.#noIommu === undefined) {
      const text = `${name} has no IOMMU group; load its driver with noIommu to use it without`;
      throw new MediatedError('EINVAL', text, { syscall: 'probe' });
    }
    this.#noIommu.join(device);
  }

  leave(device: VfioDevice): void {
    const { group } = this.#describe(device);
    if (group === undefined) return this.#noIommu?.leave(device);
    device.setGroup(-1);
    if (this.#physical.unregister(group)) emitGroup(this.#memory, 'remove', group);
  }

  #describe(device: VfioDevice) {
    return this.#physical.devices[this.#physical.deviceIn(device.index)];
  }
}
