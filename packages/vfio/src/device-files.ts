/**
 * The open files of the devices of one driver on one thread (spec/vfio-core section 6), and the anonymous files that the
 * driver has made for programs: opening and closing, with first
 * open and last close under the mutex of the device's set. Called by the device files' actor; what is done with an open
 * file is in `file-operations.ts`. Thread-private, except the counts in the device's slot. A file belongs to the client
 * thread that opened it; when that thread dies or leaves, its files are closed as by close(2). A step that need not wait
 * is a plain call.
 */
import { driverFailure, ERRNO, isThenable, MediatedError, type ThreadBus } from '@mediated/core';
import type { AnonymousFile } from './anonymous-file.js';
import type { VfioDevice } from './device.js';
import { reportDriverError } from './driver-report.js';
import { publishClosed, publishOpened } from './file-channels.js';
import { type FileOpener, OpenAnonymousFile, OpenDeviceFile, type OpenFile } from './open-file.js';
import type { DeviceOperations } from './operations.js';
import { underMutex } from './under-mutex.js';
import type { VfioDriver } from './vfio-driver.js';

/** A file's number is a count and, above it, the life of the thread; the count comes round after so many opens. */
const COUNT_BITS = 24;
const LIFE_MASK = 0x7f;

export class DeviceFiles implements FileOpener {
  readonly #bus: ThreadBus;
  readonly #driver: VfioDriver<unknown>;
  readonly #operations: DeviceOperations<unknown>;
  readonly #life: number;
  readonly #files = new Map<number, OpenFile>();
  /** Files whose open waits for the set's mutex or for the driver. */
  readonly #opening = new Set<OpenDeviceFile>();
  #count = 0;

  constructor(bus: ThreadBus, driver: VfioDriver<unknown>, life: number) {
    this.#bus = bus;
    this.#driver = driver;
    this.#operations = driver.operations;
    this.#life = (life & LIFE_MASK) << COUNT_BITS;
  }

  /** Opens a file that a device's driver has made for the client of an open file. Returns its number. */
  openAnonymous(file: AnonymousFile, { owner, device }: OpenDeviceFile): number {
    const opened = new OpenAnonymousFile(this.#freeNumber(), owner, device, file);
    this.#files.set(opened.number, opened);
    return opened.number;
  }

  /** Opens a device for a client thread. The file's number or a negative errno; throws what `openDevice` threw. */
  open(index: number, generation: number, owner: number): number | Promise<number> {
    const mdev = this.#bus.device(index, generation);
    const device = mdev === undefined ? undefined : this.#driver.deviceOf(mdev);
    if (device === undefined || !device.listed || !device.references.tryGet()) return -ERRNO.ENODEV;
    const file = new OpenDeviceFile(this.#freeNumber(), owner, device, this.#operations, this);
    let opened: number | Promise<number>;
    try {
      opened = underMutex(device.set.mutex, () => this.#openUnderMutex(device));
    } catch (error) {
      this.#forget(file);
      throw error;
    }
    if (typeof opened === 'number') return this.#opened(file, opened);
    this.#opening.add(file);
    return opened.then(
      (result) => {
        this.#opening.delete(file);
        return this.#opened(file, result);
      },
      (error: unknown) => {
        this.#opening.delete(file);
        this.#forget(file);
        throw error;
      },
    );
  }

  /** Closes a file when its calls have ended. 0 or a negative errno. */
  close(number: number, owner: number): number | Promise<number> {
    const file = this.#files.get(number);
    if (file === undefined || file.owner !== owner) return -this.#missing(number);
    return this.#close(file);
  }

  /** An open file of a client thread. EBADF; EIO when it was one of an earlier life of this thread. */
  find(number: number, owner: number, syscall: string): OpenFile {
    const file = this.#files.get(number);
    if (file !== undefined && file.owner === owner) return file;
    if (this.#missing(number) === ERRNO.EIO) {
      throw new MediatedError('EIO', `the thread of file ${number}'s device died`, { syscall });
    }
    throw new MediatedError('EBADF', `file ${number} is not open`, { syscall });
  }

  /** A client thread has died or left: closes what it had open, and what is being opened for it. */
  abandon(owner: number): void {
    for (const file of this.#opening) {
      if (file.owner === owner) file.orphaned = true;
    }
    for (const file of this.#files.values()) {
      if (file.owner === owner) void this.#close(file);
    }
  }

  /** Closes everything: the driver's thread stops. */
  async closeAll(): Promise<void> {
    for (const file of [...this.#files.values()]) await this.#close(file);
  }

  #freeNumber(): number {
    do this.#count = (this.#count + 1) & ((1 << COUNT_BITS) - 1);
    while (this.#files.has(this.#life | this.#count));
    return this.#life | this.#count;
  }

  /** The open count or a negative errno. The count is 1 while `openDevice` runs, and 0 again when it fails. */
  #openUnderMutex(device: VfioDevice): number | Promise<number> {
    const count = device.addOpenCount(1);
    if (count !== 1) return count;
    if (!this.#driver.pins.tryAcquire()) {
      device.addOpenCount(-1);
      return -ERRNO.ENODEV;
    }
    const undo = (error: unknown): never => {
      this.#driver.pins.release();
      device.addOpenCount(-1);
      throw driverFailure(this.#driver.name, 'openDevice', error);
    };
    try {
      const result: unknown = this.#operations.openDevice?.(device);
      return isThenable(result) ? Promise.resolve(result).then(() => count, undo) : count;
    } catch (error) {
      return undo(error);
    }
  }

  #opened(file: OpenDeviceFile, result: number): number {
    if (result < 0) {
      this.#forget(file);
      return result;
    }
    this.#files.set(file.number, file);
    publishOpened(file, result);
    if (file.orphaned) void this.#close(file);
    return file.number;
  }

  /** Nothing new finds the file; what is under way ends; then the device is closed. */
  #close(file: OpenFile): number | Promise<number> {
    this.#files.delete(file.number);
    if (file.calls === 0) return this.#lastCallEnded(file);
    return new Promise<void>((resolve) => {
      file.idle = resolve;
    }).then(() => this.#lastCallEnded(file));
  }

  #lastCallEnded(file: OpenFile): number | Promise<number> {
    return file instanceof OpenDeviceFile ? this.#closeDevice(file) : this.#release(file as OpenAnonymousFile);
  }

  #release({ file, device }: OpenAnonymousFile): number {
    try {
      file.release?.();
    } catch (error) {
      reportDriverError(device, `release of ${file.name}`, error);
    }
    return 0;
  }

  #closeDevice(file: OpenDeviceFile): number | Promise<number> {
    const closed = underMutex(file.device.set.mutex, () => this.#closeUnderMutex(file.device));
    if (closed instanceof Promise) return closed.then((count) => this.#closed(file, count));
    return this.#closed(file, closed);
  }

  #closed(file: OpenDeviceFile, count: number): number {
    publishClosed(file, count);
    return this.#forget(file);
  }

  /** The open count that is left. */
  #closeUnderMutex(device: VfioDevice): number | Promise<number> {
    if (device.openCount !== 1) return device.addOpenCount(-1);
    const finish = () => {
      this.#driver.pins.release();
      return device.addOpenCount(-1);
    };
    try {
      const result: unknown = this.#operations.closeDevice?.(device);
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

  /** The file is no more; its reference goes last. */
  #forget(file: OpenDeviceFile): number {
    file.device.references.put();
    return 0;
  }

  /** Errno for a number that is no open file: one of an earlier life of this thread died with it. */
  #missing(number: number): number {
    return (number & (LIFE_MASK << COUNT_BITS)) === this.#life ? ERRNO.EBADF : ERRNO.EIO;
  }
}
