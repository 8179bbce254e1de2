/**
 * The open files of the devices of one driver on one thread (spec/vfio-core section 6): first open and last close under
 * the mutex of the device's set, read, write, ioctl and mmap without any lock. Thread-private, except the counts in the
 * device's slot. A file belongs to the client thread that opened it; when that thread dies or leaves, its files are
 * closed as by close(2). A step that need not wait is a plain call.
 */
import { driverFailure, driverNonsense, ERRNO, isThenable, MediatedError, type ThreadBus } from '@mediated/core';
import type { VfioDevice } from './device.js';
import { IOCTL_RESULT_BYTES } from './device-files-protocol.js';
import { reportDriverError } from './driver-report.js';
import { InterruptCounter } from './interrupt-counter.js';
import type { DeviceOperations, IoctlCall } from './operations.js';
import { underMutex } from './under-mutex.js';
import type { VfioDriver } from './vfio-driver.js';

/** A read returns at most this many bytes. */
const MAX_TRANSFER = 2 ** 24;
/** A file's number is a count and, above it, the life of the thread; the count comes round after so many opens. */
const COUNT_BITS = 24;
const LIFE_MASK = 0x7f;

interface OpenFile extends IoctlCall {
  readonly number: number;
  readonly owner: number;
  readonly device: VfioDevice;
  /** Interrupt counters by descriptor number. */
  readonly descriptors: (InterruptCounter | undefined)[];
  /** Callbacks under way that have returned a promise. */
  calls: number;
  /** Called when the last of them has ended: the file is being closed. */
  idle: (() => void) | undefined;
  /** Its owner is gone. */
  orphaned: boolean;
}

export class DeviceFiles {
  readonly #bus: ThreadBus;
  readonly #driver: VfioDriver<unknown>;
  readonly #operations: DeviceOperations<unknown>;
  readonly #life: number;
  readonly #files = new Map<number, OpenFile>();
  /** By client thread, files that are still being opened included. */
  readonly #owned = new Map<number, Set<OpenFile>>();
  #count = 0;

  constructor(bus: ThreadBus, driver: VfioDriver<unknown>, life: number) {
    this.#bus = bus;
    this.#driver = driver;
    this.#operations = driver.operations;
    this.#life = (life & LIFE_MASK) << COUNT_BITS;
  }

  /** Opens a device for a client thread. The file's number or a negative errno; throws what `openDevice` threw. */
  open(index: number, generation: number, owner: number): number | Promise<number> {
    const mdev = this.#bus.device(index, generation);
    const device = mdev === undefined ? undefined : this.#driver.deviceOf(mdev);
    if (device === undefined || !device.listed || !device.references.tryGet()) return -ERRNO.ENODEV;
    const file = this.#newFile(device, owner);
    let opened: number | Promise<number>;
    try {
      opened = underMutex(device.set.mutex, () => this.#openUnderMutex(device));
    } catch (error) {
      this.#forget(file);
      throw error;
    }
    if (typeof opened === 'number') return this.#opened(file, opened);
    return opened.then(
      (result) => this.#opened(file, result),
      (error: unknown) => {
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

  read(number: number, position: number, length: number, owner: number): Uint8Array | Promise<Uint8Array> {
    const file = this.#file(number, owner, 'read');
    const operations = this.#operations;
    if (operations.read === undefined) throw unsupported('read');
    assertOffset(position, 'read');
    const into = new Uint8Array(Math.min(length, MAX_TRANSFER));
    const taken = (count: unknown) => {
      this.#assertCount(count, into.length, 'read');
      return count === into.length ? into : into.subarray(0, count);
    };
    return this.#call(file, 'read', () => operations.read?.(file.device, position, into), taken);
  }

  write(number: number, position: number, bytes: Uint8Array, owner: number): number | Promise<number> {
    const file = this.#file(number, owner, 'write');
    const operations = this.#operations;
    if (operations.write === undefined) throw unsupported('write');
    assertOffset(position, 'write');
    const taken = (count: unknown) => {
      this.#assertCount(count, bytes.length, 'write');
      return count;
    };
    return this.#call(file, 'write', () => operations.write?.(file.device, position, bytes), taken);
  }

  /** Answers the result and, behind it, the argument as the driver left it. */
  ioctl(number: number, command: number, argument: Uint8Array, owner: number): Uint8Array | Promise<Uint8Array> {
    const file = this.#file(number, owner, 'ioctl');
    const operations = this.#operations;
    if (operations.ioctl === undefined) throw unsupported('ioctl');
    const answer = new Uint8Array(IOCTL_RESULT_BYTES + argument.length);
    const copy = answer.subarray(IOCTL_RESULT_BYTES);
    copy.set(argument);
    const finish = (result: unknown) => {
      if (result !== undefined && !(Number.isInteger(result) && (result as number) >= 0)) {
        throw driverNonsense(this.#driver.name, 'ioctl', result, 'it returns a number from 0 up, or nothing');
      }
      new Int32Array(answer.buffer, 0, 1)[0] = (result as number | undefined) ?? 0;
      return answer;
    };
    return this.#call(file, 'ioctl', () => operations.ioctl?.(file.device, command, copy, file), finish);
  }

  mmap(number: number, offset: number, length: number, owner: number): SharedArrayBuffer | Promise<SharedArrayBuffer> {
    const file = this.#file(number, owner, 'mmap');
    const operations = this.#operations;
    if (operations.mmap === undefined) throw unsupported('mmap');
    assertOffset(offset, 'mmap');
    assertOffset(length, 'mmap');
    const finish = (memory: unknown) => {
      if (memory instanceof SharedArrayBuffer) return memory;
      throw driverNonsense(this.#driver.name, 'mmap', memory, 'it returns a SharedArrayBuffer');
    };
    return this.#call(file, 'mmap', () => operations.mmap?.(file.device, offset, length), finish);
  }

  /** Gives an interrupt counter a descriptor number in a file, the lowest free one. */
  attach(number: number, counter: SharedArrayBuffer, owner: number): number {
    const { descriptors } = this.#file(number, owner, 'attach');
    const free = descriptors.indexOf(undefined);
    const descriptor = free < 0 ? descriptors.length : free;
    descriptors[descriptor] = InterruptCounter.from(counter);
    return descriptor;
  }

  /** Takes a descriptor number back; what a driver has bound to the counter stays bound. 0 or a negative errno. */
  detach(number: number, descriptor: number, owner: number): number {
    const { descriptors } = this.#file(number, owner, 'detach');
    if (descriptors[descriptor] === undefined) return -ERRNO.EBADF;
    descriptors[descriptor] = undefined;
    return 0;
  }

  /** A client thread has died or left: closes what it had open, and what is being opened for it. */
  abandon(owner: number): void {
    for (const file of this.#owned.get(owner) ?? []) {
      file.orphaned = true;
      if (this.#files.has(file.number)) void this.#close(file);
    }
  }

  /** Closes everything: the driver's thread stops. */
  async closeAll(): Promise<void> {
    for (const file of [...this.#files.values()]) await this.#close(file);
  }

  #newFile(device: VfioDevice, owner: number): OpenFile {
    do this.#count = (this.#count + 1) & ((1 << COUNT_BITS) - 1);
    while (this.#files.has(this.#life | this.#count));
    const descriptors: (InterruptCounter | undefined)[] = [];
    const file: OpenFile = {
      number: this.#life | this.#count,
      owner,
      device,
      descriptors,
      calls: 0,
      idle: undefined,
      orphaned: false,
      eventfd(descriptor) {
        const counter = descriptors[descriptor];
        if (counter !== undefined) return counter;
        throw new MediatedError('EBADF', `${descriptor} is no descriptor of this file`, { syscall: 'ioctl' });
      },
    };
    let owned = this.#owned.get(owner);
    if (owned === undefined) this.#owned.set(owner, (owned = new Set()));
    owned.add(file);
    return file;
  }

  /** The count is 1 while `openDevice` runs, and 0 again when it fails. */
  #openUnderMutex(device: VfioDevice): number | Promise<number> {
    if (device.addOpenCount(1) !== 1) return 0;
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
      return isThenable(result) ? Promise.resolve(result).then(() => 0, undo) : 0;
    } catch (error) {
      return undo(error);
    }
  }

  #opened(file: OpenFile, result: number): number {
    if (result < 0) {
      this.#forget(file);
      return result;
    }
    this.#files.set(file.number, file);
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
    const closed = underMutex(file.device.set.mutex, () => this.#closeUnderMutex(file.device));
    if (closed instanceof Promise) return closed.then(() => this.#forget(file));
    return this.#forget(file);
  }

  #closeUnderMutex(device: VfioDevice): void | Promise<void> {
    if (device.openCount !== 1) {
      device.addOpenCount(-1);
      return;
    }
    const finish = () => {
      this.#driver.pins.release();
      device.addOpenCount(-1);
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
    finish();
  }

  /** The file is no more; its reference goes last. */
  #forget(file: OpenFile): number {
    const owned = this.#owned.get(file.owner);
    owned?.delete(file);
    if (owned?.size === 0) this.#owned.delete(file.owner);
    file.device.references.put();
    return 0;
  }

  #file(number: number, owner: number, syscall: string): OpenFile {
    const file = this.#files.get(number);
    if (file !== undefined && file.owner === owner) return file;
    if (this.#missing(number) === ERRNO.EIO) {
      throw new MediatedError('EIO', `the thread of file ${number}'s device died`, { syscall });
    }
    throw new MediatedError('EBADF', `file ${number} is not open`, { syscall });
  }

  /** Errno for a number that is no open file: one of an earlier life of this thread died with it. */
  #missing(number: number): number {
    return (number & (LIFE_MASK << COUNT_BITS)) === this.#life ? ERRNO.EBADF : ERRNO.EIO;
  }

  /** Calls a driver callback; the file cannot be closed before it has ended. */
  #call<R>(file: OpenFile, callback: string, run: () => unknown, finish: (result: unknown) => R): R | Promise<R> {
    let result: unknown;
    try {
      result = run();
    } catch (error) {
      throw driverFailure(this.#driver.name, callback, error);
    }
    if (!isThenable(result)) return finish(result);
    file.calls++;
    return Promise.resolve(result)
      .catch((error: unknown) => {
        throw driverFailure(this.#driver.name, callback, error);
      })
      .finally(() => {
        if (--file.calls === 0) file.idle?.();
      })
      .then(finish);
  }

  #assertCount(count: unknown, most: number, callback: string): asserts count is number {
    if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= most) return;
    throw driverNonsense(this.#driver.name, callback, count, `it returns a number of bytes, at most ${most}`);
  }
}

function unsupported(syscall: string): MediatedError {
  return new MediatedError('EINVAL', `the device's driver has no ${syscall}`, { syscall });
}

function assertOffset(value: number, syscall: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new MediatedError('EINVAL', `${value} is no position in a device file`, { syscall });
}
