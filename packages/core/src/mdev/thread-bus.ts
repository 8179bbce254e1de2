/**
 * What one hosting thread keeps of a bus: its view of the shared memory, the drivers started on it and the devices it
 * owns. Actors of the same bus on the same thread share it; never touched by other threads.
 */
import { BusMemory, type BusHandle } from './bus-memory.js';
import type { MdevDevice } from './device.js';
import type { MdevDriver } from './driver.js';

/** A driver that runs on this thread. */
export interface DriverInstance {
  /** Its name on the bus. */
  readonly name: string;
  /** The bus that its devices are on. */
  readonly bus: string;
  readonly driver: MdevDriver;
}

export class ThreadBus {
  static readonly #buses = new Map<string, ThreadBus>();
  readonly memory: BusMemory;
  readonly drivers = new Map<string, DriverInstance>();
  readonly #devices: (MdevDevice | undefined)[] = [];

  private constructor(memory: BusMemory) {
    this.memory = memory;
  }

  /** The calling thread's view of a bus, made at the first call. */
  static open(handle: BusHandle): ThreadBus {
    const { id } = handle.settings;
    let bus = ThreadBus.#buses.get(id);
    if (bus === undefined) ThreadBus.#buses.set(id, (bus = new ThreadBus(BusMemory.from(handle))));
    return bus;
  }

  /** A device that this thread owns, in just this life. */
  device(index: number, generation: number): MdevDevice | undefined {
    const device = this.#devices[index];
    return device !== undefined && device.generation === generation ? device : undefined;
  }

  put(device: MdevDevice): void {
    this.#devices[device.index] = device;
  }

  drop(device: MdevDevice): void {
    this.#devices[device.index] = undefined;
  }

  /** This thread's devices of one parent, in the order in which they were added. */
  childrenOf(parent: number, generation: number): MdevDevice[] {
    const children = this.#devices.filter(
      (device) => device?.parent === parent && device.parentGeneration === generation,
    ) as MdevDevice[];
    return children.sort((a, b) => a.order - b.order);
  }
}
