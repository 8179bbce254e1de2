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
  /** A device has its socket. */
  readonly onServed?: (served: ServedDevice) => void;
  /** A device could not be served. Default: a warning of the process. */
  readonly onError?: (mdev: Mdev, error: unknown) => void;
}

/** What of a device's event tells which it is. */
type DeviceEvent = Parameters<UeventEvents['bind']>[0];

const DEVICE_API = 'vfio-pci';

export class ServedDevices {
  readonly #runtime: Runtime;
  readonly #directory: string;
  readonly #began: (served: ServedDevice) => void;
  readonly #failed: (mdev: Mdev, error: unknown) => void;
  readonly #served = new Set<ServedDevice>();
  /** Devices that are served, or are about to be, by slot and generation. */
  readonly #known = new Map<string, Promise<ServedDevice | undefined>>();
  readonly #bound = ({ uuid, devpath }: DeviceEvent) => {
    if (uuid === undefined || !devpath.endsWith(`/${uuid}`)) return;
    const mdev = this.#runtime.bus.mdev(uuid);
    if (mdev !== undefined) this.#serveQuietly(mdev);
  };
  /** Events were overwritten before they were read. */
  readonly #lost = () => {
    for (const mdev of this.#runtime.bus.mdevs()) this.#serveQuietly(mdev);
  };
  #closed = false;

  /** @internal See {@link serveDevices}. */
  constructor(runtime: Runtime, { directory, onServed, onError }: ServeDevicesOptions) {
    this.#runtime = runtime;
    this.#directory = directory;
    this.#began = onServed ?? (() => {});
    this.#failed = onError ?? ((_, error) => process.emitWarning(error instanceof Error ? error : String(error)));
    runtime.bus.events.on('bind', this.#bound);
    runtime.bus.events.on('lost', this.#lost);
    this.#lost();
  }

  /** What is served now. */
  get devices(): ServedDevice[] {
    return [...this.#served];
  }

  /**
   * A device, served: for who has just created it and wants its socket. Undefined: it is none for virtual machines, or gone.
   * Rejects when it cannot be served: ENAMETOOLONG, ENOENT, EACCES, EAGAIN (it is the first, and no thread is left).
   */
  device(mdev: Mdev): Promise<ServedDevice | undefined> {
    return this.#serve(mdev);
  }

  /** Resolves when every device that is there now has its socket, or was told of as one that cannot be served. */
  async settled(): Promise<void> {
    this.#runtime.bus.drainEvents();
    await Promise.allSettled(this.#known.values());
  }

  /** Ends them all. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#runtime.bus.events.off('bind', this.#bound);
    this.#runtime.bus.events.off('lost', this.#lost);
    await Promise.allSettled(this.#known.values());
    await Promise.all(this.devices.map((served) => served.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Failures are told, by `onError`. */
  #serveQuietly(mdev: Mdev): void {
    this.#serve(mdev).catch(() => {});
  }

  #serve(mdev: Mdev): Promise<ServedDevice | undefined> {
    const key = `${mdev.index} ${mdev.generation}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#closed || mdev.parent.deviceApi !== DEVICE_API || !mdev.presence.directory) {
      return Promise.resolve(undefined);
    }
    const starting = this.#start(mdev, key);
    this.#known.set(key, starting);
    return starting;
  }

  async #start(mdev: Mdev, key: string): Promise<ServedDevice | undefined> {
    const path = join(this.#directory, `${mdev.name}.sock`);
    try {
      await rm(path, { force: true });
      const served = await serveDevice(this.#runtime, mdev, { path });
      this.#served.add(served);
      void served.ended.then(() => {
        this.#served.delete(served);
        this.#known.delete(key);
      });
      this.#began(served);
      return served;
    } catch (error) {
      this.#known.delete(key);
      // It was gone sooner.
      if (isMediatedError(error, 'ENODEV')) return undefined;
      this.#failed(mdev, error);
      throw error;
    }
  }
}

/** Serves every device that is there and every one that will be. Close it before the runtime. */
export async function serveDevices(runtime: Runtime, options: ServeDevicesOptions): Promise<ServedDevices> {
  const served = new ServedDevices(runtime, options);
  await served.settled();
  return served;
}
