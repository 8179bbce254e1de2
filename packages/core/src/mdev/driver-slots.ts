/**
 * Which drivers are on the bus, as every thread sees it: a slot per driver, its name in it. Written by the supervising
 * thread only. A reload of a driver is another life of a slot, so files of the earlier one stay dead.
 */
import { MediatedError } from '../errors.js';
import type { BusMemory } from './bus-memory.js';
import { DRIVER_NAME } from './layout.js';

export interface DriverSlot {
  readonly index: number;
  readonly generation: number;
}

/** Puts a driver on the bus; returns its slot. ENOMEM: too many drivers. */
export function addDriverSlot({ drivers, names }: BusMemory, name: string): number {
  const index = drivers.allocate();
  if (index < 0) {
    throw new MediatedError('ENOMEM', `${drivers.capacity} drivers are loaded already`, { syscall: 'loadDriver' });
  }
  Atomics.store(drivers.words, drivers.base(index) + DRIVER_NAME, names.intern(name) + 1);
  return index;
}

/** Takes a driver off the bus. */
export function dropDriverSlot({ drivers }: BusMemory, index: number): void {
  Atomics.store(drivers.words, drivers.base(index) + DRIVER_NAME, 0);
  drivers.free(index);
}

/** Names of the drivers on the bus. */
export function driverNames(memory: BusMemory): string[] {
  return [...slots(memory)].map(({ name }) => name);
}

/** The slot of a driver on the bus. */
export function findDriver(memory: BusMemory, name: string): DriverSlot | undefined {
  for (const slot of slots(memory)) if (slot.name === name) return slot;
  return undefined;
}

function* slots(memory: BusMemory): Generator<DriverSlot & { name: string }> {
  const { drivers } = memory;
  for (let index = 0; index < drivers.top; index++) {
    const generation = drivers.generation(index);
    const id = Atomics.load(drivers.words, drivers.base(index) + DRIVER_NAME);
    if (id !== 0 && drivers.isCurrent(index, generation)) yield { index, generation, name: memory.nameOf(id - 1) };
  }
}
