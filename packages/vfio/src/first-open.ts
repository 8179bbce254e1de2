/**
 * First open and last close of devices (spec/vfio-core 6.1), on the device's thread and under the mutex of the device's
 * set: pinning the driver, taking a container or an iommufd context into use, the driver's callbacks; last close in the
 * reverse order. Used by `device-files.ts` and `node-files.ts`. A step that need not wait is a plain call.
 */
import { driverFailure, ERRNO, isThenable } from '@mediated/core';
import type { VfioDevice } from './device.js';
import type { DeviceSpaces, HeldSpace } from './device-spaces.js';
import { reportDriverError } from './driver-report.js';
import type { VfioDriver } from './vfio-driver.js';

/** What a device is opened with besides itself. */
export interface HeldUse {
  /** Number at the control actor. */
  readonly use: number;
  space: HeldSpace | undefined;
  /** Number of the iommufd context; 0: none. */
  readonly iommufd: number;
  readonly kvm: number;
}

/** A use that a device keeps, and the files that have come with one. */
interface Kept {
  readonly held: HeldUse;
  files: number;
}

/** All there is. */
const EVERYTHING = { iova: 0n, size: 2n ** 64n - 1n };

export class FirstOpen {
  readonly #driver: VfioDriver<unknown>;
  readonly #spaces: DeviceSpaces;
  readonly #kept = new Map<VfioDevice, Kept>();

  constructor(driver: VfioDriver<unknown>, spaces: DeviceSpaces) {
    this.#driver = driver;
    this.#spaces = spaces;
  }

  /**
   * One file more. The open count or a negative errno; throws what `openDevice` or `fileOpened` threw. The count is 1 at
   * the first, and 0 again when one of them fails. `held` is kept by a device that has none.
   */
  open(device: VfioDevice, held?: HeldUse): number | Promise<number> {
    const opened = this.#open(device, held);
    if (this.#driver.operations.fileOpened === undefined) return opened;
    const tell = (count: number) => (count < 0 ? count : this.#tellOpened(device, held, count));
    return opened instanceof Promise ? opened.then(tell) : tell(opened);
  }

  /** One file less; `used`: one that came with a use. The open count that is left. */
  close(device: VfioDevice, used: boolean): number | Promise<number> {
    const told = this.#tellClosed(device);
    return told === undefined ? this.#close(device, used) : told.then(() => this.#close(device, used));
  }

  #open(device: VfioDevice, held?: HeldUse): number | Promise<number> {
    const count = device.addOpenCount(1);
    const { driver, undo } = { driver: this.#driver, undo: (error: unknown) => this.#undo(device, held, error) };
    if (count === 1 && !driver.pins.tryAcquire()) {
      device.addOpenCount(-1);
      return -ERRNO.ENODEV;
    }
    if (held !== undefined) this.#keep(device, held);
    if (count !== 1) return count;
    try {
      const result: unknown = driver.operations.openDevice?.(device);
      return isThenable(result) ? Promise.resolve(result).then(() => count, undo) : count;
    } catch (error) {
      return undo(error);
    }
  }

  #close(device: VfioDevice, used: boolean): number | Promise<number> {
    const kept = used ? this.#kept.get(device) : undefined;
    const lastUser = kept !== undefined && --kept.files === 0;
    if (device.openCount !== 1) {
      if (!lastUser) return device.addOpenCount(-1);
      // Files without a use are left: the driver goes on, without DMA.
      return this.#unmapAll(device, kept.held)
        .then(() => this.#endUse(device, kept))
        .then(() => device.addOpenCount(-1));
    }
    const finish = (): number | Promise<number> => {
      const unpin = () => {
        this.#driver.pins.release();
        return device.addOpenCount(-1);
      };
      return lastUser ? this.#endUse(device, kept).then(unpin) : unpin();
    };
    try {
      const result: unknown = this.#driver.operations.closeDevice?.(device);
      if (isThenable(result)) {
        return Promise.resolve(result)
          .then(undefined, (error: unknown) => reportDriverError(device, 'closeDevice', error))
          .then(finish);
      }
    } catch (error) {
      reportDriverError(device, 'closeDevice', error);
    }
    return finish();
  }

  /** A file that the driver refuses has been open for it as little as one whose `openDevice` fails. */
  #tellOpened(device: VfioDevice, held: HeldUse | undefined, count: number): number | Promise<number> {
    const refuse = async (error: unknown): Promise<never> => {
      await this.#close(device, held !== undefined);
      throw driverFailure(this.#driver.name, 'fileOpened', error);
    };
    try {
      const result: unknown = this.#driver.operations.fileOpened?.(device);
      return isThenable(result) ? Promise.resolve(result).then(() => count, refuse) : count;
    } catch (error) {
      return refuse(error);
    }
  }

  #tellClosed(device: VfioDevice): Promise<void> | undefined {
    const report = (error: unknown) => reportDriverError(device, 'fileClosed', error);
    try {
      const result: unknown = this.#driver.operations.fileClosed?.(device);
      if (isThenable(result)) return Promise.resolve(result).then(() => {}, report);
    } catch (error) {
      report(error);
    }
    return undefined;
  }

  /** Whether a device has kept just this use. */
  keeps(device: VfioDevice, held: HeldUse): boolean {
    return this.#kept.get(device)?.held === held;
  }

  /** Has the driver unpin everything that it has pinned through a use. */
  async #unmapAll(device: VfioDevice, { space }: HeldUse): Promise<void> {
    if (space !== undefined) await this.#spaces.unmap(device, EVERYTHING.iova, EVERYTHING.size);
  }

  #keep(device: VfioDevice, held: HeldUse): void {
    const kept = this.#kept.get(device);
    if (kept !== undefined) {
      kept.files++;
      return;
    }
    this.#kept.set(device, { held, files: 1 });
    device.kvm = held.kvm;
    device.setIommufd(held.iommufd);
    if (held.space !== undefined) this.#spaces.attach(device, held.space);
    else if (held.iommufd !== 0) device.access.bind('unattached');
  }

  #undo(device: VfioDevice, held: HeldUse | undefined, error: unknown): never {
    if (held !== undefined) this.#lose(device, held);
    this.#driver.pins.release();
    device.addOpenCount(-1);
    throw driverFailure(this.#driver.name, 'openDevice', error);
  }

  /** Reverse of `#keep`, as far as this thread is concerned. */
  #lose(device: VfioDevice, held: HeldUse): void {
    this.#kept.delete(device);
    if (held.space !== undefined) this.#spaces.detach(device, held.space);
    else device.access.bind(undefined);
    held.space = undefined;
    device.setIommufd(0);
    device.kvm = 0;
  }

  /** The control actor hears of it before the close is through, so that its container may be left at once. */
  async #endUse(device: VfioDevice, { held }: Kept): Promise<void> {
    this.#lose(device, held);
    await this.#driver.endUse(held.use);
  }
}
