/**
 * Open files on the device's thread, private to it: of a device, and anonymous ones that its driver has made. Made by
 * `device-files.ts`; the counts of calls are kept by `file-operations.ts`.
 */
import { MediatedError } from '@mediated/core';
import type { AnonymousFile } from './anonymous-file.js';
import type { VfioDevice } from './device.js';
import { serveFeature } from './features/serve-feature.js';
import type { InterruptCounter } from './interrupt-counter.js';
import type { DeviceOperations, IoctlCall } from './operations.js';
import { findCounter, findMemory, findPassed, type PassedFile, type PassedFiles } from './passed-file.js';
import { DEVICE_FEATURE } from './uapi/feature.js';

/** What the files of a thread do for each other. */
export interface FileOpener {
  openAnonymous(file: AnonymousFile, caller: OpenDeviceFile): number;
}

type MaybePromise<T> = T | Promise<T>;

/** A file from the beginning of its open to the end of its close. An operation that it does not have is undefined. */
export abstract class OpenFile {
  readonly number: number;
  readonly owner: number;
  /** Callbacks under way that have returned a promise. */
  calls = 0;
  /** Called when the last of them has ended: the file is being closed. */
  idle: (() => void) | undefined = undefined;
  /** Its owner is gone. */
  orphaned = false;

  constructor(number: number, owner: number) {
    this.number = number;
    this.owner = owner;
  }

  /** A read or write may come without a position. */
  readonly streams: boolean = false;

  abstract has(operation: 'read' | 'write' | 'ioctl' | 'mmap'): boolean;
  abstract read(position: number, into: Uint8Array): unknown;
  abstract write(position: number, bytes: Uint8Array): unknown;
  abstract ioctl(command: number, argument: Uint8Array, files: PassedFiles | undefined): unknown;
  abstract mmap(offset: number, length: number): unknown;
}

/** An open device. */
export class OpenDeviceFile extends OpenFile {
  readonly device: VfioDevice;
  readonly #operations: DeviceOperations<unknown>;
  readonly #opener: FileOpener;

  constructor(
    number: number,
    owner: number,
    device: VfioDevice,
    operations: DeviceOperations<unknown>,
    opener: FileOpener,
  ) {
    super(number, owner);
    this.device = device;
    this.#operations = operations;
    this.#opener = opener;
  }

  /** Of ioctls there is always one: FEATURE. */
  has(operation: 'read' | 'write' | 'ioctl' | 'mmap'): boolean {
    return operation === 'ioctl' || this.#operations[operation] !== undefined;
  }

  read(position: number, into: Uint8Array): MaybePromise<number> | undefined {
    return this.#operations.read?.(this.device, position, into);
  }

  write(position: number, bytes: Uint8Array): MaybePromise<number> | undefined {
    return this.#operations.write?.(this.device, position, bytes);
  }

  ioctl(command: number, argument: Uint8Array, files: PassedFiles | undefined): unknown {
    const call = new DeviceIoctl(this, files, this.#opener);
    if (command === DEVICE_FEATURE) return serveFeature(this.#operations, this.device, argument, call);
    if (this.#operations.ioctl !== undefined) return this.#operations.ioctl(this.device, command, argument, call);
    throw new MediatedError('EINVAL', 'the device has no ioctl', { syscall: 'ioctl' });
  }

  mmap(offset: number, length: number): unknown {
    return this.#operations.mmap?.(this.device, offset, length);
  }
}

/** An open anonymous file. It holds no reference to the device: its driver answers, also after the device is gone. */
export class OpenAnonymousFile extends OpenFile {
  override readonly streams = true;
  readonly device: VfioDevice;
  readonly file: AnonymousFile;

  constructor(number: number, owner: number, device: VfioDevice, file: AnonymousFile) {
    super(number, owner);
    this.device = device;
    this.file = file;
  }

  has(operation: 'read' | 'write' | 'ioctl' | 'mmap'): boolean {
    return this.file[operation] !== undefined;
  }

  read(position: number, into: Uint8Array): unknown {
    return this.file.read?.(position, into);
  }

  write(position: number, bytes: Uint8Array): unknown {
    return this.file.write?.(position, bytes);
  }

  ioctl(command: number, argument: Uint8Array): unknown {
    return this.file.ioctl?.(command, argument);
  }

  mmap(offset: number, length: number): unknown {
    return this.file.mmap?.(offset, length);
  }
}

/** One ioctl on a device, as its driver sees the caller. */
class DeviceIoctl implements IoctlCall {
  readonly #file: OpenDeviceFile;
  readonly #files: PassedFiles | undefined;
  readonly #opener: FileOpener;

  constructor(file: OpenDeviceFile, files: PassedFiles | undefined, opener: FileOpener) {
    this.#file = file;
    this.#files = files;
    this.#opener = opener;
  }

  eventfd(descriptor: number): InterruptCounter {
    return findCounter(this.#files, descriptor);
  }

  passed(descriptor: number): PassedFile {
    return findPassed(this.#files, descriptor);
  }

  memory(address: bigint, length: bigint): Uint8Array {
    return findMemory(this.#files, address, length);
  }

  openFile(file: AnonymousFile): number {
    return this.#opener.openAnonymous(file, this.#file);
  }
}
