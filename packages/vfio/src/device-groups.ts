/**
 * How a device that is being registered gets into an IOMMU group, and out of it (spec/vfio-core section 7). Called by
 * `vfio-driver.ts` on the device's thread. A mediated device has a group of its own, made with it; what physical devices
 * share is in `physical/`. What all threads know of a group is in `control/group-records.ts`.
 */
import { type BusMemory, MediatedError } from '@mediated/core';
import { GROUP_KINDS, type GroupKind, type GroupRecords } from './control/group-records.js';
import type { VfioDevice } from './device.js';
import { emitGroup } from './uevents.js';

/** Has the control actor let go of a group that is gone, if somebody may have its file open. */
export type RetireGroup = (group: number) => Promise<void>;

export interface DeviceGroups {
  /** Puts a device into its group and notes the number in the device's slot. Throws when there is none for it. */
  join(device: VfioDevice): void;
  /** Takes it out again; the last one takes the group's node with it, and awaits `retire` while its file may be open. */
  leave(device: VfioDevice, retire: RetireGroup): void | Promise<void>;
}

/** A group per device, with the lowest free number. */
export class EmulatedGroups implements DeviceGroups {
  readonly #memory: BusMemory;
  readonly #records: GroupRecords;
  readonly #kind: GroupKind;

  constructor(memory: BusMemory, records: GroupRecords, kind: GroupKind = GROUP_KINDS.emulated) {
    this.#memory = memory;
    this.#records = records;
    this.#kind = kind;
  }

  join(device: VfioDevice): void {
    const group = this.#memory.groups.allocate();
    if (group < 0) throw new MediatedError('ENOMEM', 'no IOMMU group number is free', { syscall: 'probe' });
    device.setGroup(group);
    const { iommuDevice } = device;
    if (iommuDevice === undefined) this.#records.begin(group, this.#kind, device.index);
    else this.#records.begin(group, GROUP_KINDS.isolated, device.index, this.#memory.names.intern(iommuDevice));
    emitGroup(this.#memory, 'add', group);
  }

  leave(device: VfioDevice, retire: RetireGroup): void | Promise<void> {
    const { group } = device;
    const mayBeOpen = this.#records.end(group);
    emitGroup(this.#memory, 'remove', group);
    if (mayBeOpen) return retire(group).then(() => this.#giveBack(device, group));
    this.#giveBack(device, group);
  }

  #giveBack(device: VfioDevice, group: number): void {
    // Out of the slot first: what a death in between leaves is found by its owner, and none is freed that has a new holder.
    device.setGroup(-1);
    this.#memory.groups.free(group);
  }
}
