/**
 * The IOMMU groups of physical devices (spec/vfio-core section 7): described, shared by several devices, with a node
 * from the first device that is registered to the last. A device without an IOMMU gets a group of its own where that is
 * allowed (8.6). Called by `vfio-driver.ts` on the devices' threads; what they share is in `physical-memory.ts`.
 */
import { type BusMemory, MediatedError } from '@mediated/core';
import { GROUP_KINDS, type GroupRecords } from '../control/group-records.js';
import type { VfioDevice } from '../device.js';
import { type DeviceGroups, EmulatedGroups, type RetireGroup } from '../device-groups.js';
import { emitGroup } from '../uevents.js';
import type { PhysicalMemory } from './physical-memory.js';

export class PhysicalGroups implements DeviceGroups {
  readonly #memory: BusMemory;
  readonly #records: GroupRecords;
  readonly #physical: PhysicalMemory;
  readonly #noIommu: DeviceGroups | undefined;

  /** `noIommu`: devices without a group may be used. */
  constructor(memory: BusMemory, records: GroupRecords, physical: PhysicalMemory, noIommu: boolean) {
    this.#memory = memory;
    this.#records = records;
    this.#physical = physical;
    this.#noIommu = noIommu ? new EmulatedGroups(memory, records, GROUP_KINDS.noIommu) : undefined;
  }

  join(device: VfioDevice): void {
    const { name, group } = this.#describe(device);
    if (group !== undefined) {
      device.place = this.#records.nextPlace(group);
      device.setGroup(group);
      if (this.#records.join(group)) emitGroup(this.#memory, 'add', group);
      return;
    }
    if (this.#noIommu === undefined) {
      const text = `${name} has no IOMMU group; load its driver with noIommu to use it without`;
      throw new MediatedError('EINVAL', text, { syscall: 'probe' });
    }
    this.#noIommu.join(device);
  }

  leave(device: VfioDevice, retire: RetireGroup): void | Promise<void> {
    const { group } = this.#describe(device);
    if (group === undefined) return this.#noIommu?.leave(device, retire);
    device.setGroup(-1);
    if (!this.#records.leave(group)) return;
    emitGroup(this.#memory, 'remove', group);
    if (this.#records.mayBeOpen(group)) return retire(group);
  }

  #describe(device: VfioDevice) {
    return this.#physical.devices[this.#physical.deviceIn(device.index)];
  }
}
