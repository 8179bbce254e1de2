/**
 * The binary face of VFIO for one program: descriptors, paths, ioctls as in linux/vfio.h. It knows in which fields of which
 * commands descriptors and addresses stand, passes what they name, and makes descriptors of the files that ioctls give.
 * Belongs to one thread. `...Sync` forms block; they are for threads that host no actor (EDEADLK).
 */
import { type Bus, MediatedError } from '@mediated/core';
import type { DeviceFile } from '../device-file.js';
import { InterruptCounter } from '../interrupt-counter.js';
import type { MapAccess, MappedMemory } from '../mapped-memory.js';
import type { PassedFile } from '../passed-file.js';
import {
  CHECK_EXTENSION,
  GET_API_VERSION,
  GROUP_GET_DEVICE_FD,
  GROUP_GET_STATUS,
  GROUP_SET_CONTAINER,
  GROUP_UNSET_CONTAINER,
  groupStatus,
  SET_IOMMU,
} from '../uapi/group.js';
import { IOMMU_DIRTY_PAGES, IOMMU_GET_INFO, IOMMU_MAP_DMA, IOMMU_UNMAP_DMA } from '../uapi/iommu.js';
import { readArgument } from '../uapi/argument.js';
import { AddressMap, type Loan } from './address-map.js';
import type { ContainerFile } from './container-file.js';
import { type Described, DescriptorTable } from './descriptor-table.js';
import { answersFile, fileInAnswer, namedBy } from './device-arguments.js';
import type { GroupFile, OpenOptions } from './group-file.js';
import { openPath } from './open-path.js';
import { type Operation, perform, performSync, put } from './operation.js';
import { Transfers } from './transfers.js';

/** The argument of an ioctl: bytes that a pointer points to, a number, or NULL. */
export type IoctlArgument = Uint8Array | number | null | undefined;

/** Options of a program. */
export interface DescriptorsOptions extends OpenOptions {
  /** Descriptors are below this number; default 1024. */
  readonly limit?: number;
}

const PAGE_BYTES = 4096;
const NOTHING = new Uint8Array(0);
/** What a file answers to poll(2) that cannot be waited for: always readable and writable. */
const ALWAYS_READY = 5;
const READABLE = 1;
const WRITABLE = 4;
/** At the end of a program files are released in this order, as recorded from a kernel. */
const RELEASE_ORDER: readonly Described['kind'][] = ['anonymous', 'device', 'container', 'iommufd', 'group'];

/** A program's descriptors and memory. Errors are those of the system calls, by `code` and `errno`. */
export class Descriptors {
  readonly bus: Bus;
  /** The program's memory, by address. */
  readonly memory = new AddressMap();
  readonly #table: DescriptorTable;
  readonly #transfers: Transfers;
  readonly #options: OpenOptions;

  constructor(bus: Bus, { limit = 1024, ...options }: DescriptorsOptions = {}) {
    this.bus = bus;
    this.#table = new DescriptorTable(limit);
    this.#transfers = new Transfers(this.#table, this.memory);
    this.#options = options;
  }

  /**
   * Opens `/dev/vfio/vfio` (a new container), `/dev/vfio/N` or `/dev/vfio/noiommu-N` (a group), `/dev/vfio/devices/vfioN`
   * (a device, to be bound), `/dev/iommu` (a new iommufd context) or `/dev/null`. ENOENT, EBUSY, EPERM, EMFILE.
   */
  open(path: string): Promise<number> {
    return perform(this.#open(path));
  }

  openSync(path: string): number {
    return performSync(this.#open(path));
  }

  /** A new eventfd, or one for a counter that there is. EMFILE. */
  eventfd(counter: InterruptCounter = InterruptCounter.create()): number {
    return this.#table.fill(this.#table.reserve(), { kind: 'eventfd', file: counter });
  }

  /** A descriptor for a device's file that was opened otherwise. EMFILE. */
  adopt(file: DeviceFile): number {
    return this.#table.fill(this.#table.reserve(), { kind: 'device', file });
  }

  /** What a descriptor stands for. EBADF. */
  describe(descriptor: number): Described {
    return this.#table.get(descriptor, 'describe');
  }

  /** Another descriptor of the same file. EBADF, EMFILE. */
  dup(descriptor: number): number {
    return this.#table.duplicate(descriptor);
  }

  /** The last descriptor of a file closes it. EBADF. */
  close(descriptor: number): Promise<void> {
    return perform(this.#close(descriptor));
  }

  closeSync(descriptor: number): void {
    performSync(this.#close(descriptor));
  }

  /** Closes everything, in the order in which the end of a process does. */
  closeAll(): Promise<void> {
    return perform(this.#closeAll());
  }

  closeAllSync(): void {
    performSync(this.#closeAll());
  }

  /** Returns the result, 0 or above; changes an argument of bytes in place, in part also when it fails. */
  ioctl(descriptor: number, command: number, argument?: IoctlArgument): Promise<number> {
    return perform(this.#ioctl(descriptor, command, argument));
  }

  ioctlSync(descriptor: number, command: number, argument?: IoctlArgument): number {
    return performSync(this.#ioctl(descriptor, command, argument));
  }

  /** Up to `length` bytes from byte `position` on. */
  pread(descriptor: number, length: number, position: number): Promise<Uint8Array> {
    return perform(this.#transfers.pread(descriptor, length, position));
  }

  preadSync(descriptor: number, length: number, position: number): Uint8Array {
    return performSync(this.#transfers.pread(descriptor, length, position));
  }

  /** Returns how many bytes were taken. */
  pwrite(descriptor: number, bytes: Uint8Array, position: number): Promise<number> {
    return perform(this.#transfers.pwrite(descriptor, bytes, position));
  }

  pwriteSync(descriptor: number, bytes: Uint8Array, position: number): number {
    return performSync(this.#transfers.pwrite(descriptor, bytes, position));
  }

  /**
   * `pread` into the program's memory at an address. Where that memory ends, EFAULT; what lies before the end has been
   * read, and is there.
   */
  preadInto(descriptor: number, address: bigint, length: number, position: number): Promise<number> {
    return perform(this.#transfers.preadInto(descriptor, address, length, position));
  }

  preadIntoSync(descriptor: number, address: bigint, length: number, position: number): number {
    return performSync(this.#transfers.preadInto(descriptor, address, length, position));
  }

  /** `pwrite` of the program's memory at an address. Where that memory ends, EFAULT; what lies before has been written. */
  pwriteFrom(descriptor: number, address: bigint, length: number, position: number): Promise<number> {
    return perform(this.#transfers.pwriteFrom(descriptor, address, length, position));
  }

  pwriteFromSync(descriptor: number, address: bigint, length: number, position: number): number {
    return performSync(this.#transfers.pwriteFrom(descriptor, address, length, position));
  }

  /** As `pread`, where the last `read` or `write` has ended, from 0 on; streams know that themselves. An eventfd: its count. */
  read(descriptor: number, length: number): Promise<Uint8Array> {
    return perform(this.#transfers.read(descriptor, length));
  }

  readSync(descriptor: number, length: number): Uint8Array {
    return performSync(this.#transfers.read(descriptor, length));
  }

  write(descriptor: number, bytes: Uint8Array): Promise<number> {
    return perform(this.#transfers.write(descriptor, bytes));
  }

  writeSync(descriptor: number, bytes: Uint8Array): number {
    return performSync(this.#transfers.write(descriptor, bytes));
  }

  /** The memory behind a file, itself, no copy; it outlives the descriptor. ENODEV: this kind of file has none. */
  mmap(descriptor: number, length: number, offset: number, access?: MapAccess): Promise<MappedMemory> {
    return perform(this.#transfers.mmap(descriptor, length, offset, access));
  }

  mmapSync(descriptor: number, length: number, offset: number, access?: MapAccess): MappedMemory {
    return performSync(this.#transfers.mmap(descriptor, length, offset, access));
  }

  /** Bytes of a file: where lseek(2) to its end leads. ESPIPE: this kind of file has none. */
  size(descriptor: number): Promise<number> {
    return perform(this.#transfers.size(descriptor));
  }

  sizeSync(descriptor: number): number {
    return performSync(this.#transfers.size(descriptor));
  }

  /** What poll(2) answers, at once: bits 1 (readable) and 4 (writable). EBADF. */
  poll(descriptor: number): number {
    const described = this.#table.get(descriptor, 'poll');
    if (described.kind !== 'eventfd') return ALWAYS_READY;
    return (described.file.signalled ? READABLE : 0) | WRITABLE;
  }

  /** Puts memory into the program's address space, for ioctls to name; returns its address. */
  place(memory: SharedArrayBuffer | Uint8Array): bigint {
    return this.memory.place(memory);
  }

  *#open(path: string): Operation<number> {
    const number = this.#table.reserve();
    try {
      return this.#table.fill(number, yield* openPath(this.bus, path, this.memory, this.#options));
    } catch (error) {
      this.#table.free(number);
      throw error;
    }
  }

  *#close(descriptor: number): Operation<void> {
    const described = this.#table.remove(descriptor);
    if (described === undefined || described.kind === 'other' || described.kind === 'eventfd') return;
    const { file } = described;
    yield* put({ ask: () => file.close(), askSync: () => file.closeSync() });
  }

  *#closeAll(): Operation<void> {
    const numbers = this.#table.numbers();
    const orderOf = (number: number) => RELEASE_ORDER.indexOf(this.#table.get(number, 'close').kind);
    const ordered = numbers.map((number) => ({ number, order: orderOf(number) })).sort((a, b) => a.order - b.order);
    for (const { number } of ordered) yield* this.#close(number);
  }

  *#ioctl(descriptor: number, command: number, argument: IoctlArgument): Operation<number> {
    const described = this.#table.get(descriptor, 'ioctl');
    switch (described.kind) {
      case 'group':
        return yield* this.#groupIoctl(described.file, command, argument);
      case 'container':
        return yield* this.#containerIoctl(described.file, command, argument);
      case 'device':
        return yield* this.#deviceIoctl(described.file, command, argument);
      case 'anonymous': {
        const { file } = described;
        const bytes = bytesOf(argument);
        return yield* put({ ask: () => file.ioctl(command, bytes), askSync: () => file.ioctlSync(command, bytes) });
      }
      default:
        throw refused('ENOTTY', `a file of kind ${described.kind} has no command 0x${command.toString(16)}`);
    }
  }

  *#groupIoctl(file: GroupFile, command: number, argument: IoctlArgument): Operation<number> {
    switch (command) {
      case GROUP_GET_STATUS: {
        const bytes = bytesOf(argument);
        readArgument(groupStatus, bytes, groupStatus.size);
        groupStatus.encode(bytes, { flags: yield* file.statusFlags() });
        return 0;
      }
      case GROUP_SET_CONTAINER: {
        const described = this.#table.get(descriptorIn(argument), 'ioctl');
        const container = described.kind === 'container' || described.kind === 'iommufd' ? described.file : undefined;
        yield* file.setContainerSteps(container);
        return 0;
      }
      case GROUP_UNSET_CONTAINER:
        yield* file.unsetContainerSteps();
        return 0;
      case GROUP_GET_DEVICE_FD:
        return yield* this.#getDevice(file, nameIn(argument));
      default:
        throw refused('ENOTTY', `a group has no command 0x${command.toString(16)}`);
    }
  }

  *#getDevice(file: GroupFile, name: string): Operation<number> {
    const number = this.#table.reserve();
    try {
      return this.#table.fill(number, { kind: 'device', file: yield* file.openDeviceSteps(name) });
    } catch (error) {
      this.#table.free(number);
      throw error;
    }
  }

  *#containerIoctl(file: ContainerFile, command: number, argument: IoctlArgument): Operation<number> {
    switch (command) {
      case GET_API_VERSION:
      case CHECK_EXTENSION:
      case SET_IOMMU:
        return yield* file.ioctlSteps(command, typeof argument === 'number' ? argument : 0);
      case IOMMU_GET_INFO:
      case IOMMU_MAP_DMA:
      case IOMMU_UNMAP_DMA:
      case IOMMU_DIRTY_PAGES:
        return yield* file.ioctlSteps(command, bytesOf(argument));
      default:
        return yield* file.ioctlSteps(command, NOTHING);
    }
  }

  *#deviceIoctl(file: DeviceFile, command: number, argument: IoctlArgument): Operation<number> {
    const bytes = bytesOf(argument);
    const { files, loans } = this.#pass(command, bytes);
    const returnLoans = () => {
      for (const loan of loans) loan.giveBack();
    };
    const reserved = answersFile(command) || fileInAnswer(command, bytes) !== undefined ? this.#table.reserve() : -1;
    let used = false;
    const take = (given: number): number => {
      used = true;
      return this.#table.fill(reserved, { kind: 'anonymous', file: file.anonymous(given) });
    };
    try {
      const result = yield* put({
        ask: () => file.ioctl(command, bytes, files),
        askSync: () => file.ioctlSync(command, bytes, files),
      });
      if (answersFile(command)) return take(result);
      const at = fileInAnswer(command, bytes);
      if (at !== undefined) {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        const given = view.getInt32(at, true);
        if (given >= 0) view.setInt32(at, take(given), true);
      }
      return result;
    } finally {
      returnLoans();
      if (reserved >= 0 && !used) this.#table.free(reserved);
    }
  }

  /** What an argument names, to be passed with it. What there is not is not passed: the driver says EBADF or EFAULT. */
  #pass(command: number, argument: Uint8Array): { files: Map<number, PassedFile> | undefined; loans: Loan[] } {
    const { descriptors, memory } = namedBy(command, argument);
    if (descriptors.length === 0 && memory.length === 0) return { files: undefined, loans: [] };
    const files = new Map<number, PassedFile>();
    for (const number of descriptors) {
      const passed = this.#table.passed(number);
      if (passed !== undefined) files.set(number, passed);
    }
    const loans: Loan[] = [];
    for (const { address, length } of memory) {
      const loan = this.memory.lend(address, length);
      if (loan === undefined) continue;
      loans.push(loan);
      const { window } = loan;
      files.set(Number(address), {
        kind: 'memory',
        memory: window.memory,
        offset: window.offset,
        length: window.length,
      });
    }
    return { files, loans };
  }
}

function bytesOf(argument: IoctlArgument): Uint8Array {
  return argument instanceof Uint8Array ? argument : NOTHING;
}

/** The descriptor that an argument points to. EFAULT. */
function descriptorIn(argument: IoctlArgument): number {
  const bytes = bytesOf(argument);
  if (bytes.length < 4) throw refused('EFAULT', 'the argument is a descriptor');
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
}

/** The name that an argument points to, ended by NUL. EFAULT: the argument ends before it; EINVAL: longer than a page. */
function nameIn(argument: IoctlArgument): string {
  const bytes = bytesOf(argument);
  const end = bytes.indexOf(0);
  if (end >= PAGE_BYTES || (end === -1 && bytes.length >= PAGE_BYTES)) throw refused('EINVAL', 'the name is too long');
  if (end === -1) throw refused('EFAULT', 'the name has no end');
  return Buffer.from(bytes.subarray(0, end)).toString('latin1');
}

function refused(code: MediatedError['code'], text: string): MediatedError {
  return new MediatedError(code, text, { syscall: 'ioctl' });
}
