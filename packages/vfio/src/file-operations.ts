/**
 * What is done with an open device file: read, write, ioctl, mmap, descriptors (spec/vfio-core section 6). Called by the
 * device files' actor on the device's thread. No lock: any number may be under way at once; a file that is in use is not
 * closed before they have ended.
 */
import { driverFailure, driverNonsense, ERRNO, isThenable, MediatedError } from '@mediated/core';
import type { DeviceFiles } from './device-files.js';
import { IOCTL_RESULT_BYTES } from './device-files-protocol.js';
import { InterruptCounter } from './interrupt-counter.js';
import type { OpenFile } from './open-file.js';
import type { DeviceOperations } from './operations.js';
import type { VfioDriver } from './vfio-driver.js';

/** A read returns at most this many bytes. */
const MAX_TRANSFER = 2 ** 24;

export class FileOperations {
  readonly #files: DeviceFiles;
  readonly #name: string;
  readonly #operations: DeviceOperations<unknown>;

  constructor(files: DeviceFiles, driver: VfioDriver<unknown>) {
    this.#files = files;
    this.#name = driver.name;
    this.#operations = driver.operations;
  }

  read(number: number, position: number, length: number, owner: number): Uint8Array | Promise<Uint8Array> {
    const file = this.#files.find(number, owner, 'read');
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
    const file = this.#files.find(number, owner, 'write');
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
    const file = this.#files.find(number, owner, 'ioctl');
    const operations = this.#operations;
    if (operations.ioctl === undefined) throw unsupported('ioctl');
    const answer = new Uint8Array(IOCTL_RESULT_BYTES + argument.length);
    const copy = answer.subarray(IOCTL_RESULT_BYTES);
    copy.set(argument);
    const finish = (result: unknown) => {
      if (result !== undefined && !(Number.isInteger(result) && (result as number) >= 0)) {
        throw driverNonsense(this.#name, 'ioctl', result, 'it returns a number from 0 up, or nothing');
      }
      new Int32Array(answer.buffer, 0, 1)[0] = (result as number | undefined) ?? 0;
      return answer;
    };
    return this.#call(file, 'ioctl', () => operations.ioctl?.(file.device, command, copy, file), finish);
  }

  mmap(number: number, offset: number, length: number, owner: number): SharedArrayBuffer | Promise<SharedArrayBuffer> {
    const file = this.#files.find(number, owner, 'mmap');
    const operations = this.#operations;
    if (operations.mmap === undefined) throw unsupported('mmap');
    assertOffset(offset, 'mmap');
    assertOffset(length, 'mmap');
    const finish = (memory: unknown) => {
      if (memory instanceof SharedArrayBuffer) return memory;
      throw driverNonsense(this.#name, 'mmap', memory, 'it returns a SharedArrayBuffer');
    };
    return this.#call(file, 'mmap', () => operations.mmap?.(file.device, offset, length), finish);
  }

  /** Gives an interrupt counter a descriptor number in a file, the lowest free one. */
  attach(number: number, counter: SharedArrayBuffer, owner: number): number {
    const { descriptors } = this.#files.find(number, owner, 'attach');
    const free = descriptors.indexOf(undefined);
    const descriptor = free < 0 ? descriptors.length : free;
    descriptors[descriptor] = InterruptCounter.from(counter);
    return descriptor;
  }

  /** Takes a descriptor number back; what a driver has bound to the counter stays bound. 0 or a negative errno. */
  detach(number: number, descriptor: number, owner: number): number {
    const { descriptors } = this.#files.find(number, owner, 'detach');
    if (descriptors[descriptor] === undefined) return -ERRNO.EBADF;
    descriptors[descriptor] = undefined;
    return 0;
  }

  /** Calls a driver callback; the file cannot be closed before it has ended. */
  #call<R>(file: OpenFile, callback: string, run: () => unknown, finish: (result: unknown) => R): R | Promise<R> {
    let result: unknown;
    try {
      result = run();
    } catch (error) {
      throw driverFailure(this.#name, callback, error);
    }
    if (!isThenable(result)) return finish(result);
    file.calls++;
    return Promise.resolve(result)
      .catch((error: unknown) => {
        throw driverFailure(this.#name, callback, error);
      })
      .finally(() => {
        if (--file.calls === 0) file.idle?.();
      })
      .then(finish);
  }

  #assertCount(count: unknown, most: number, callback: string): asserts count is number {
    if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= most) return;
    throw driverNonsense(this.#name, callback, count, `it returns a number of bytes, at most ${most}`);
  }
}

function unsupported(syscall: string): MediatedError {
  return new MediatedError('EINVAL', `the device's driver has no ${syscall}`, { syscall });
}

function assertOffset(value: number, syscall: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new MediatedError('EINVAL', `${value} is no position in a device file`, { syscall });
}
