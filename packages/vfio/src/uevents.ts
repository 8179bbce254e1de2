/**
 * The uevents of a vfio device besides its mdev's, as recorded from a kernel: `vfio-dev/vfioN` below the mdev and the
 * node `vfio/N` of its group. Emitted by the device's thread, or by the supervisor for a device whose thread has died.
 */
import { type Action, type BusMemory, emitChild, emitNode } from '@mediated/core';

/** Device number of the group nodes, as recorded. */
const GROUP_MAJOR = 245;

/** An event of `vfio-dev/vfio<number>` below the mdev in slot `index`. */
export function emitDevice(memory: BusMemory, action: Action, index: number, number: number): void {
  emitChild(memory, action, index, 'vfio-dev', 'vfio', number);
}

/** An event of the node of IOMMU group `group`. */
export function emitGroup(memory: BusMemory, action: Action, group: number): void {
  emitNode(memory, action, 'vfio', group, GROUP_MAJOR);
}
