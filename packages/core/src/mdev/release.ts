/**
 * The release hook (spec/mdev-core section 10): the last step of every removal and of every failed create. Called by
 * the device's thread, or by the supervisor for a device whose thread has died.
 */
import type { Semaphore } from '../sync/semaphore.js';
import type { BusMemory } from './bus-memory.js';
import { COUNTED, DEVICE_IDS, DEVICE_STATE } from './layout.js';

/** Gives back the UUID and the instance (unless `instances` is undefined). Calling it again does nothing. */
export function releaseClaims(memory: BusMemory, index: number, instances: Semaphore | undefined): void {
  const { words } = memory.devices;
  const state = memory.devices.base(index) + DEVICE_STATE;
  const counted = (words[state] & COUNTED) !== 0;
  words[state] = 0;
  memory.uuids.remove(index);
  if (counted) instances?.release();
}

/** Gives back everything, the slot last. */
export function releaseSlot(memory: BusMemory, index: number, instances: Semaphore | undefined): void {
  const { words } = memory.devices;
  const ids = memory.devices.base(index) + DEVICE_IDS;
  // Taken out of the slot first: what a death in between leaves is found by its owner, and none is freed that has a new holder.
  const group = words[ids];
  const number = words[ids + 1];
  words[ids] = 0;
  words[ids + 1] = 0;
  if (group !== 0) memory.groups.free(group - 1);
  if (number !== 0) memory.numbers.free(number - 1);
  releaseClaims(memory, index, instances);
  memory.devices.free(index);
}
