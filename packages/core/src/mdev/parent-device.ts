/**
 * A parent as its driver sees it on one thread: types, budgets, shared memory. Made by the parent's actor on that thread
 * and never changed; budgets and memory are shared with the driver's other threads.
 */
import { Semaphore } from '../sync/semaphore.js';
import type { BusMemory } from './bus-memory.js';
import type { MdevParent, MdevType } from './driver.js';
import type { ParentOptions } from './parent-protocol.js';
import { requestUnplug } from './unplug.js';

export function parentDevice(bus: BusMemory, options: ParentOptions): MdevParent {
  const { name, parent, generation, budgets, memory } = options;
  const types: MdevType[] = [];
  const device: MdevParent = {
    name,
    types,
    budgets: Object.fromEntries(Object.entries(budgets).map(([budget, lock]) => [budget, Semaphore.from(lock)])),
    memory: Object.fromEntries(Object.entries(memory).map(([part, buffer]) => [part, new Int32Array(buffer)])),
    unplug: () => requestUnplug(bus, parent, generation),
  };
  for (const [index, { sysfsName, prettyName }] of options.types.entries()) {
    types.push({ index, sysfsName, prettyName, parent: name, parentDevice: device });
  }
  return device;
}
