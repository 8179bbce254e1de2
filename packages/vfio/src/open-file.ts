/**
 * Open files on the device's thread, private to it: of a device, and anonymous ones that its driver has made. Made by
 * `device-files.ts`; the counts of calls are kept by `file-operations.ts`.
 */
import { MediatedError } from '@mediated/core';
import type { AnonymousFile } from './anonymous-file.js';
import type { VfioDevice } from './device.js';
import { serveFeature } from './features/serve-feature.js';
import type { InterruptCounter } from './interrupt-counter.js';
import type { MapAccess } from './mapped-memory.js';
import type { NodeFiles } from './node-files.js';
import type { DeviceOperations, IoctlCall, OpenedAs } from './operations.js';
import { findCounter, findMemory, findPassed, type PassedFile, type PassedFiles } from './passed-file.js';
import { DEVICE_FEATURE } from './uapi/feature.js';
import { DEVICE_ATTACH_IOMMUFD_PT, DEVICE_BIND_IOMMUFD, DEVICE_DETACH_IOMMUFD_PT } from './uapi/iommufd.js';

/** What the files of a thread do for each other. */
export interface FileOpener {
  openAnonymous(file: AnonymousFile, caller: OpenDeviceFile): number;
  /** The commands of files that were opened by their own nodes. */
  readonly nodes: NodeFiles;
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

  /** Bytes; undefined: it has no end. */
  get size(): number | undefined {
    return undefined;
  }

  abstract has(operation: 'read' | 'write' | 'ioctl' | 'mmap'): boolean;
  abstract read(position: number, into: Uint8Array): unknown;
  abstract write(position: number, bytes: Uint8Array): unknown;
  abstract ioctl(command: number, argument: Uint8Array, files: PassedFiles | undefined): unknown;
  abstract mmap(offset: number, length: number, access: Required<MapAccess>): unknown;
}

/** An open device. */
export class OpenDeviceFile extends OpenFile {
  readonly device: VfioDevice;
  /** Virtual machine of a file that was opened by its own node: the device's from the bind on; 0: none. */
  kvm = 0;
  #opened: OpenedAs;
  readonly #operations: DeviceOperations<unknown>;
  readonly #opener: FileOpener;

  constructor(
    number: number,
    owner: number,
    device: VfioDevice,
    opened: OpenedAs,
    operations: DeviceOperations<unknown>,
    opener: FileOpener,
  ) {
    super(number, owner);
    this.device = device;
    this.#opened = opened;
    this.#operations = operations;
    this.#opener = opener;
  }

  get opened(): OpenedAs {
    return this.#opened;
  }

  /** Whether it may be used for more than being bound. Never unset. */
  get granted(): boolean {
    return this.#opened.kind !== 'node' || this.#opened.iommufd !== 0;
  }

  /** Opened by its own node, it has been bound to an iommufd context. */
  bound(iommufd: number): void {
    this.#opened = { kind: 'node', iommufd };
  }

  /** Of ioctls there is always one: to bind it, and FEATURE. */
  has(operation: 'read' | 'write' | 'ioctl' | 'mmap'): boolean {
    return operation === 'ioctl' || (this.granted && this.#operations[operation] !== undefined);
  }

  read(position: number, into: Uint8Array): MaybePromise<number> | undefined {
    return this.#operations.read?.(this.device, position, into);
  }

  write(position: number, bytes: Uint8Array): MaybePromise<number> | undefined {
    return this.#operations.write?.(this.device, position, bytes);
  }

  ioctl(command: number, argument: Uint8Array, files: PassedFiles | undefined): unknown {
    const { nodes } = this.#opener;
    if (command === DEVICE_BIND_IOMMUFD) return nodes.bind(this, argument, files);
    if (!this.granted) throw new MediatedError('EINVAL', 'the file is not bound yet', { syscall: 'ioctl' });
    if (this.#opened.kind === 'node') {
      if (command === DEVICE_ATTACH_IOMMUFD_PT) return nodes.attach(this, argument);
      if (command === DEVICE_DETACH_IOMMUFD_PT) return nodes.detach(this, argument);
    }
    const call = new DeviceIoctl(this, files, this.#opener);
    if (command === DEVICE_FEATURE) return serveFeature(this.#operations, this.device, argument, call);
    if (this.#operations.ioctl !== undefined) return this.#operations.ioctl(this.device, command, argument, call);
    throw new MediatedError('EINVAL', 'the device has no ioctl', { syscall: 'ioctl' });
  }

  mmap(offset: number, length: number, access: Required<MapAccess>): unknown {
    return this.#operations.mmap?.(this.device, offset, length, access);
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

  override get size(): number | undefined {
    return this.file.size;
  }

  mmap(offset: number, length: number, access: Required<MapAccess>): unknown {
    return this.file.mmap?.(offset, length, access);
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

  get opened(): OpenedAs {
    return this.#file.opened;
  }

  openFile(file: AnonymousFile): number {
    return this.#opener.openAnonymous(file, this.#file);
  }
}
