/**
 * What the supervisor does for a dead thread: its devices leave the bus, and UUIDs, numbers and slots come back.
 * Instances and budgets are returned by the recovery of their semaphores, which ran before.
 */
import type { BusMemory } from './bus-memory.js';
import { ADDED, BOUND, DEVICE_PARENT, DEVICE_STATE, MDEV_BUS, PARENT_BUS } from './layout.js';
import { releaseSlot } from './release.js';
import { emitMdev } from './uevents.js';

/** `framework`, if any, is told of each device first. What it throws is thrown when all devices are reclaimed. */
export function reclaimDevices(memory: BusMemory, thread: number, framework?: (index: number) => void): void {
  const { devices, events, parents } = memory;
  const mdevBus = memory.names.intern(MDEV_BUS);
  const failures: unknown[] = [];
  for (const index of [...devices.slotsOf(thread)]) {
    try {
      framework?.(index);
    } catch (error) {
      failures.push(error);
    }
    const state = Atomics.load(devices.words, devices.base(index) + DEVICE_STATE);
    if ((state & BOUND) !== 0) emitMdev(memory, 'unbind', index, -1);
    const bus = parents.words[parents.base(devices.words[devices.base(index) + DEVICE_PARENT]) + PARENT_BUS];
    if ((state & ADDED) !== 0 && bus === mdevBus) emitMdev(memory, 'remove', index, -1);
    releaseSlot(memory, index, undefined);
  }
  // What it had taken and not noted in a slot yet, or forgotten there and not given back.
  memory.groups.recover(thread);
  memory.numbers.recover(thread);
  devices.rebuildFreeList(thread);
  // The supervisor creates no devices: what it freed just now serves whoever gets the dead thread's id.
  devices.rebuildFreeList(devices.thread, thread);
  events.recover(thread);
  if (failures.length > 0) throw failures[0];
}
