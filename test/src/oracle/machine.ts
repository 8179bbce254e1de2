/**
 * A machine to replay recordings on: a runtime with modules that are inserted and removed as kernel modules are.
 * The module layer's own refusals (loaded already, being loaded or unloaded, not loaded) are made here; everything else
 * is the runtime's answer. Main thread only.
 */
import {
  type Access,
  type AttributeFile,
  attributeDirectory,
  type AttributeDirectory,
  ERRNO,
  isMediatedError,
  type Mdev,
  openAttribute,
  Runtime,
  type Uevent,
} from '@mediated/core';
import { MODULES } from './modules.js';

/** The result that a system call would have had. Passes on what is no errno. */
export function resultOf(error: unknown): number {
  if (isMediatedError(error)) return error.errno;
  throw error;
}

export class Machine {
  readonly runtime = Runtime.start({ maxDevices: 1024, maxParents: 16 });
  readonly #withVfioDevice = new Set<string>();
  readonly #busy = new Set<string>();
  #events: Uevent[] = [];

  constructor() {
    this.runtime.bus.events.on('uevent', (event) => {
      this.#events.push(event);
      if (event.subsystem !== 'vfio-dev' || event.uuid === undefined) return;
      if (event.action === 'add') this.#withVfioDevice.add(event.uuid);
      if (event.action === 'remove') this.#withVfioDevice.delete(event.uuid);
    });
  }

  get bus() {
    return this.runtime.bus;
  }

  /** Events since the last call. */
  takeEvents(): Uevent[] {
    this.bus.drainEvents();
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Whether a device has a `vfio-dev` directory, by the events so far. */
  hasVfioDevice(uuid: string): boolean {
    this.bus.drainEvents();
    return this.#withVfioDevice.has(uuid);
  }

  isLoaded(module: string): boolean {
    return this.runtime.drivers.includes(module);
  }

  /** 0 or a negative errno. */
  async insmod(name: string): Promise<number> {
    const module = MODULES.get(name);
    if (module === undefined) return -ERRNO.ENOENT;
    if (this.#busy.has(name)) return -ERRNO.EBUSY;
    if (this.isLoaded(name)) return -ERRNO.EEXIST;
    return this.#exclusively(name, async () => {
      await this.runtime.loadDriver(module.url, { parents: [{ name: module.parent }] });
    });
  }

  /** 0 or a negative errno. */
  async rmmod(name: string): Promise<number> {
    if (this.#busy.has(name)) return -ERRNO.EBUSY;
    if (!this.isLoaded(name)) return -ERRNO.ENOENT;
    return this.#exclusively(name, () => this.runtime.unloadDriver(name));
  }

  /** Names of the devices on the bus, sorted. */
  devices(): string[] {
    return this.bus
      .mdevs()
      .map((mdev) => mdev.uuid)
      .sort();
  }

  mdev(uuid: string): Mdev | undefined {
    return this.bus.mdev(uuid);
  }

  /** `available_instances` of all types. */
  async available(): Promise<Record<string, number>> {
    const available: Record<string, number> = {};
    for (const parent of this.bus.parents()) {
      for (const type of parent.types) available[type.id] = await parent.availableInstances(type.id);
    }
    return available;
  }

  /** Opens a file by its path, which begins with `/sys`. */
  open(path: string, access: Access): Promise<AttributeFile> {
    return openAttribute(this.bus, path.replace(/^\/sys/, ''), access);
  }

  directory(path: string): AttributeDirectory | undefined {
    return attributeDirectory(this.bus, path.replace(/^\/sys/, ''));
  }

  /**
   * Resolves when a write in the background, to a file that is about a device, has come as far as the device or is done. Here it
   * has when it is made.
   */
  reached(_mdev: Mdev, _done: Promise<unknown>): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.runtime.close();
  }

  async #exclusively(name: string, act: () => Promise<void>): Promise<number> {
    this.#busy.add(name);
    try {
      await act();
      return 0;
    } catch (error) {
      return resultOf(error);
    } finally {
      this.#busy.delete(name);
    }
  }
}
