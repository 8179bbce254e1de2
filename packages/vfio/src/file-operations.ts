/**
 * What is done with an open file, of a device or anonymous: read, write, ioctl, mmap (spec/vfio-core section 10). Called
 * by the device files' actor on the device's thread. No lock: any number may be under way at once; a file that is in use is not
 * closed before they have ended.
 */
import { driverFailure, driverNonsense, isThenable, MediatedError } from '@mediated/core';
import { NO_POSITION } from './anonymous-file.js';
import type { DeviceFiles } from './device-files.js';
import { IOCTL_RESULT_BYTES } from './device-files-protocol.js';
import { accessOf, type MappedMemory } from './mapped-memory.js';
import type { OpenFile } from './open-file.js';
import type { PassedFiles } from './passed-file.js';
import type { VfioDriver } from './vfio-driver.js';

/** A read returns at most this many bytes. */
const MAX_TRANSFER = 2 ** 24;

/** A smaller result is no errno. */
const MAX_ERRNO = 4095;

export class FileOperations {
  readonly #files: DeviceFiles;
  readonly #name: string;

  constructor(files: DeviceFiles, driver: VfioDriver<unknown>) {
    this.#files = files;
    this.#name = driver.name;
  }

  read(number: number, position: number, length: number, owner: number): Uint8Array | Promise<Uint8Array> {
    const file = this.#files.find(number, owner, 'read');
    if (!file.has('read')) throw unsupported('read');
    assertPosition(file, position, 'read');
    const into = new Uint8Array(Math.min(length, MAX_TRANSFER));
    let count: unknown;
    // No closures where the driver answers at once: this is the way of every register access.
    try {
      count = file.read(position, into);
    } catch (error) {
      throw driverFailure(this.#name, 'read', error);
    }
    if (isThenable(count)) return this.#later(file, 'read', count, (late) => this.#filled(into, late));
    return this.#filled(into, count);
  }

  write(number: number, position: number, bytes: Uint8Array, owner: number): number | Promise<number> {
    const file = this.#files.find(number, owner, 'write');
    if (!file.has('write')) throw unsupported('write');
    assertPosition(file, position, 'write');
    let count: unknown;
    try {
      count = file.write(position, bytes);
    } catch (error) {
      throw driverFailure(this.#name, 'write', error);
    }
    if (isThenable(count)) return this.#later(file, 'write', count, (late) => this.#taken(bytes, late));
    return this.#taken(bytes, count);
  }

  /** Answers the result, maybe a negative errno, and, behind it, the argument as the driver left it. */
  ioctl(
    number: number,
    command: number,
    argument: Uint8Array,
    owner: number,
    files?: PassedFiles,
  ): Uint8Array | Promise<Uint8Array> {
    const file = this.#files.find(number, owner, 'ioctl');
    if (!file.has('ioctl')) throw unsupported('ioctl');
    const answer = new Uint8Array(IOCTL_RESULT_BYTES + argument.length);
    const copy = answer.subarray(IOCTL_RESULT_BYTES);
    copy.set(argument);
    const finish = (result: unknown) => {
      if (result !== undefined && !(Number.isInteger(result) && (result as number) >= -MAX_ERRNO)) {
        throw driverNonsense(
          this.#name,
          'ioctl',
          result,
          'it returns a number from 0 up, a negative errno, or nothing',
        );
      }
      new Int32Array(answer.buffer, 0, 1)[0] = (result as number | undefined) ?? 0;
      return answer;
    };
    return this.#call(file, 'ioctl', () => file.ioctl(command, copy, files), finish);
  }

  mmap(
    number: number,
    offset: number,
    length: number,
    access: number,
    owner: number,
  ): MappedMemory | Promise<MappedMemory> {
    const file = this.#files.find(number, owner, 'mmap');
    if (!file.has('mmap')) throw unsupported('mmap');
    assertOffset(offset, 'mmap');
    assertOffset(length, 'mmap');
    if (length === 0) throw new MediatedError('EINVAL', 'a mapping has at least a byte', { syscall: 'mmap' });
    const finish = (memory: unknown) => {
      if (isMapped(memory, length)) return memory;
      throw driverNonsense(this.#name, 'mmap', memory, `it returns a view of ${length} shared bytes`);
    };
    return this.#call(file, 'mmap', () => file.mmap(offset, length, accessOf(access)), finish);
  }

  /** Bytes of a file that has an end. ESPIPE: it has none. */
  size(number: number, owner: number): number {
    const { size } = this.#files.find(number, owner, 'lseek');
    if (size !== undefined) return size;
    throw new MediatedError('ESPIPE', 'the file has no end', { syscall: 'lseek' });
  }

  /** Calls a driver callback; the file cannot be closed before it has ended. */
  #call<R>(file: OpenFile, callback: string, run: () => unknown, finish: (result: unknown) => R): R | Promise<R> {
    let result: unknown;
    try {
      result = run();
    } catch (error) {
      throw driverFailure(this.#name, callback, error);
    }
    return isThenable(result) ? this.#later(file, callback, result, finish) : finish(result);
  }

  #later<R>(
    file: OpenFile,
    callback: string,
    result: PromiseLike<unknown>,
    finish: (result: unknown) => R,
  ): Promise<R> {
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

  #filled(into: Uint8Array, count: unknown): Uint8Array {
    this.#assertCount(count, into.length, 'read');
    return count === into.length ? into : into.subarray(0, count);
  }

  #taken(bytes: Uint8Array, count: unknown): number {
    this.#assertCount(count, bytes.length, 'write');
    return count;
  }

  #assertCount(count: unknown, most: number, callback: string): asserts count is number {
    if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= most) return;
    throw driverNonsense(this.#name, callback, count, `it returns a number of bytes, at most ${most}`);
  }
}

function isMapped(memory: unknown, length: number): memory is MappedMemory {
  return memory instanceof Uint8Array && memory.buffer instanceof SharedArrayBuffer && memory.length === length;
}

function unsupported(syscall: string): MediatedError {
  return new MediatedError('EINVAL', `the file has no ${syscall}`, { syscall });
}

function assertPosition(file: OpenFile, position: number, syscall: string): void {
  if (!(file.streams && position === NO_POSITION)) assertOffset(position, syscall);
}

function assertOffset(value: number, syscall: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new MediatedError('EINVAL', `${value} is no position in a file`, { syscall });
}
