/**
 * What vfio needs on the supervising thread: the bus's table of device sets, made with the first vfio driver, and the
 * recovery of the mutexes in device slots. Called when a driver is loaded and when its threads have ended.
 */
import { type BusMemory, DEVICE_FRAMEWORK, type Supervision } from '@mediated/core';
import { registerLockRegion } from '@mediated/core/sync';
import { OWN_MUTEX } from './device-words.js';
import { SetTable, type SetTableHandle } from './set-table.js';

/** What reaches each thread of a driver. */
export interface VfioShared {
  readonly sets: SetTableHandle;
}

/** The supervising thread's state of a bus. */
interface BusSupervision {
  readonly shared: VfioShared;
  /** Loaded vfio drivers. */
  drivers: number;
  /** Ends the recovery of device slots; present while there are drivers. */
  forget: (() => void) | undefined;
}

const buses = new WeakMap<BusMemory, BusSupervision>();

export function supervise(memory: BusMemory): Supervision {
  let bus = buses.get(memory);
  if (bus === undefined) {
    bus = { shared: { sets: SetTable.create(memory) }, drivers: 0, forget: undefined };
    buses.set(memory, bus);
  }
  const { devices } = memory;
  bus.drivers++;
  bus.forget ??= registerLockRegion({
    words: devices.words,
    first: devices.base(0) + DEVICE_FRAMEWORK + OWN_MUTEX,
    stride: devices.slotWords,
    count: () => devices.top,
    kind: 'mutex',
  });
  return { shared: bus.shared, release: () => release(bus) };
}

function release(bus: BusSupervision): void {
  if (--bus.drivers !== 0) return;
  bus.forget?.();
  bus.forget = undefined;
}
