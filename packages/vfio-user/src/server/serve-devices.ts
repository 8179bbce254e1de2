/**
 * Serves all PCI-shaped devices of a runtime, each at a socket that appears with it and goes with it. Belongs to the thread
 * that started the runtime.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMediatedError, type Mdev, type Runtime, type UeventEvents } from '@mediated/core';
import { type ServedDevice, serveDevice } from './serve.js';

/** Options of {@link serveDevices}. */
export interface ServeDevicesOptions {
  /** An existing directory. What is at `<name>.sock` in it is replaced: nobody else serves these devices. */
  readonly directory: string;
  /** A device could not be served. Default: a warning of the process. */
  readonly onError?: (mdev: Mdev, error: unknown) => void;
}

/** What of a device's event tells which it is. */
type DeviceEvent = Parameters<UeventEvents['bind']>[0];

const DEVICE_API = 'vfio-pci';

export class ServedDevices {
  readonly #runtime: Runtime;
  readonly #directory: string;
  readonly #failed: (mdev: Mdev, error: unknown) => void;
  readonly #served = new Set<ServedDevice>();
  /** Slots and generations of devices that are served, or are about to be. */
  readonly #known = new Set<string>();
  readonly #starting = new Set<Promise<void>>();
  readonly #bound = ({ uuid, devpath }: DeviceEvent) => {
    if (uuid === undefined || !devpath.endsWith(`/${uuid}`)) return;
    const mdev = this.#runtime.bus.mdev(uuid);
    if (mdev !== undefined) this.#serve(mdev);
  };
  /** Events were overwritten before they were read. */
  readonly #lost = () => {
    for (const mdev of this.#runtime.bus.mdevs()) this.#serve(mdev);
  };
  #closed = false;

  /** @internal See {@link serveDevices}. */
  constructor(runtime: Runtime, { directory, onError }: ServeDevicesOptions) {
    this.#runtime = runtime;
    this.#directory = directory;
    this.#failed = onError ?? ((_, error) => process.emitWarning(error instanceof Error ? error : String(error)));
    runtime.bus.events.on('bind', this.#bound);
    runtime.bus.events.on('lost', this.#lost);
    this.#lost();
  }

  /** What is served now. */
  get devices(): ServedDevice[] {
    return [...this.#served];
  }

  /** @internal Resolves when what was there is served. */
  async started(): Promise<void> {
    await Promise.all(this.#starting);
  }

  /** Ends them all. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#runtime.bus.events.off('bind', this.#bound);
    this.#runtime.bus.events.off('lost', this.#lost);
    await this.started();
    await Promise.all(this.devices.map((served) => served.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #serve(mdev: Mdev): void {
    const key = `${mdev.index} ${mdev.generation}`;
    if (this.#known.has(key) || this.#closed || mdev.parent.deviceApi !== DEVICE_API) return;
    this.#known.add(key);
    const starting = this.#start(mdev, key).finally(() => this.#starting.delete(starting));
    this.#starting.add(starting);
  }

  async #start(mdev: Mdev, key: string): Promise<void> {
    const path = join(this.#directory, `${mdev.name}.sock`);
    try {
      await rm(path, { force: true });
      const served = await serveDevice(this.#runtime, mdev, { path });
      this.#served.add(served);
      void served.ended.then(() => {
        this.#served.delete(served);
        this.#known.delete(key);
      });
    } catch (error) {
      this.#known.delete(key);
      // It was gone sooner.
      if (!isMediatedError(error, 'ENODEV')) this.#failed(mdev, error);
    }
  }
}

/** Serves every device that is there and every one that will be. Close it before the runtime. */
export async function serveDevices(runtime: Runtime, options: ServeDevicesOptions): Promise<ServedDevices> {
  const served = new ServedDevices(runtime, options);
  await served.started();
  return served;
}
