/** A container as a client thread has it (spec/vfio-core sections 8, 9): typed methods over its ioctls. */
import { type Bus, errnoName, MediatedError } from '@mediated/core';
import type { ActorRef } from '@mediated/core/actor';
import type { ControlMessages } from '../control/control-protocol.js';
import { IOCTL_RESULT_BYTES } from '../device-files-protocol.js';
import type { PassedFile } from '../passed-file.js';
import { CHECK_EXTENSION, GET_API_VERSION, SET_IOMMU } from '../uapi/group.js';
import {
  bitmap,
  DIRTY_FLAGS,
  dirtyBitmap,
  dirtyBitmapGet,
  dmaMap,
  dmaUnmap,
  IOMMU_DIRTY_PAGES,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  MAP_FLAGS,
  UNMAP_FLAGS,
} from '../uapi/iommu.js';
import { AddressMap, type Loan } from './address-map.js';
import { askControl, ControlFile, controlOf } from './control-file.js';
import type { OpenOptions } from './group-file.js';
import { type Operation, perform, performSync } from './operation.js';

const PAGE_BYTES = 4096n;

/** Memory to be mapped. */
export interface Mapping {
  readonly memory: SharedArrayBuffer;
  /** Where devices find it, a multiple of 4096. */
  readonly iova: bigint;
  /** First byte, a multiple of 4096; default 0. */
  readonly offset?: number;
  /** Bytes, a multiple of 4096; default: all that follow. */
  readonly size?: number;
  /** What devices may do: default true. */
  readonly read?: boolean;
  readonly write?: boolean;
}

/** Bytes of a container's I/O addresses. */
export interface DmaRange {
  readonly iova: bigint;
  readonly size: bigint;
}

/** An open container. EBADF after `close`, EIO when the control thread has died. It lives on while a group is in it. */
export class ContainerFile extends ControlFile {
  readonly #addresses: AddressMap;

  /** @internal See {@link openContainer}. */
  constructor(bus: Bus, control: ActorRef<ControlMessages>, number: number, addresses: AddressMap) {
    super(bus, control, number);
    this.#addresses = addresses;
  }

  /** As a file that an ioctl's argument names. */
  get passed(): PassedFile {
    return { kind: 'container', file: this.number };
  }

  /** Above 0 if the container's IOMMU, or one that it could have, knows the extension (`EXTENSIONS`). */
  checkExtension(extension: number): Promise<number> {
    return perform(this.ioctlSteps(CHECK_EXTENSION, extension));
  }

  checkExtensionSync(extension: number): number {
    return performSync(this.ioctlSteps(CHECK_EXTENSION, extension));
  }

  /** Gives the container its IOMMU, for as long as a group is in it. EINVAL (no group yet, or it has one), ENODEV. */
  setIommu(type: number): Promise<void> {
    return perform(ignoreResult(this.ioctlSteps(SET_IOMMU, type)));
  }

  setIommuSync(type: number): void {
    performSync(ignoreResult(this.ioctlSteps(SET_IOMMU, type)));
  }

  /** Maps memory for the devices of the container's groups. EINVAL, EEXIST, ENOSPC, ENOMEM, EFAULT. */
  map(mapping: Mapping): Promise<void> {
    return perform(this.#map(mapping));
  }

  mapSync(mapping: Mapping): void {
    performSync(this.#map(mapping));
  }

  /** Unmaps whole mappings, without a range all of them; returns how many bytes. EINVAL. */
  unmap(range?: DmaRange): Promise<bigint> {
    return perform(this.#unmap(range));
  }

  unmapSync(range?: DmaRange): bigint {
    return performSync(this.#unmap(range));
  }

  /** From now on it is noted which pages devices have written. EACCES (type1 v1), ENOMEM. */
  startDirtyTracking(): Promise<void> {
    return perform(this.#dirtyTracking(DIRTY_FLAGS.start));
  }

  startDirtyTrackingSync(): void {
    performSync(this.#dirtyTracking(DIRTY_FLAGS.start));
  }

  stopDirtyTracking(): Promise<void> {
    return perform(this.#dirtyTracking(DIRTY_FLAGS.stop));
  }

  stopDirtyTrackingSync(): void {
    performSync(this.#dirtyTracking(DIRTY_FLAGS.stop));
  }

  /** A bit per page of the range, from the lowest of the first byte on; those that were set are unset. EINVAL. */
  dirtyPages(range: DmaRange): Promise<Uint8Array> {
    return perform(this.#dirtyPages(range));
  }

  dirtyPagesSync(range: DmaRange): Uint8Array {
    return performSync(this.#dirtyPages(range));
  }

  /**
   * A command of the user API; returns its result. As ioctl(2) does, it changes an argument of bytes in place. Addresses in
   * it are those of the program: `addressOf`.
   */
  ioctl(command: number, argument?: Uint8Array | number): Promise<number> {
    return perform(this.ioctlSteps(command, argument));
  }

  ioctlSync(command: number, argument?: Uint8Array | number): number {
    return performSync(this.ioctlSteps(command, argument));
  }

  /** Where a buffer lies in the program's address space; puts it there if it does not. */
  addressOf(memory: SharedArrayBuffer): bigint {
    return this.#addresses.addressOf(memory);
  }

  /** @internal */
  *ioctlSteps(command: number, argument: Uint8Array | number | undefined): Operation<number> {
    if (command === GET_API_VERSION || command === CHECK_EXTENSION || command === SET_IOMMU) {
      const number = typeof argument === 'number' ? argument >>> 0 : 0;
      return yield* this.ask('containerCommand', this.number, command, number);
    }
    const bytes = argument instanceof Uint8Array ? argument : new Uint8Array(0);
    const loans = this.#loans(command, bytes);
    const { program } = this.#addresses;
    const shared = command === IOMMU_MAP_DMA ? this.#mapped(bytes) : [];
    const windows = [...shared, ...loans.map(({ window }) => window)];
    const answer = yield* this.ask('containerIoctl', this.number, command, { argument: bytes, program, windows });
    bytes.set(answer.subarray(IOCTL_RESULT_BYTES));
    for (const loan of loans) loan.giveBack();
    const result = new DataView(answer.buffer, answer.byteOffset).getInt32(0, true);
    if (result >= 0) return result;
    throw new MediatedError(errnoName(-result), `ioctl 0x${command.toString(16)} was refused`, { syscall: 'ioctl' });
  }

  /** Memory that MAP_DMA names. */
  #mapped(argument: Uint8Array) {
    if (argument.length < dmaMap.size) return [];
    const { vaddr, size } = dmaMap.decode(argument);
    return this.#addresses.shared(vaddr, size);
  }

  /** Bitmaps that a command fills in. */
  #loans(command: number, argument: Uint8Array): Loan[] {
    let at: number;
    if (command === IOMMU_UNMAP_DMA) {
      if ((dmaUnmap.decode(argument).flags & UNMAP_FLAGS.getDirtyBitmap) === 0) return [];
      at = dmaUnmap.size;
    } else if (command === IOMMU_DIRTY_PAGES) {
      if ((dirtyBitmap.decode(argument).flags & DIRTY_FLAGS.getBitmap) === 0) return [];
      at = dirtyBitmap.size + dirtyBitmapGet.size;
    } else {
      return [];
    }
    const { data, size } = bitmap.decode(argument.subarray(at));
    const loan = this.#addresses.lend(data, size);
    return loan === undefined ? [] : [loan];
  }

  *#map(mapping: Mapping): Operation<void> {
    const { memory, iova, offset = 0, size = memory.byteLength - offset, read = true, write = true } = mapping;
    const argument = dmaMap.bytes({
      argsz: dmaMap.size,
      flags: (read ? MAP_FLAGS.read : 0) | (write ? MAP_FLAGS.write : 0),
      vaddr: this.#addresses.addressOf(memory) + BigInt(offset),
      iova,
      size: BigInt(size),
    });
    yield* this.ioctlSteps(IOMMU_MAP_DMA, argument);
  }

  *#unmap(range: DmaRange | undefined): Operation<bigint> {
    const flags = range === undefined ? UNMAP_FLAGS.all : 0;
    const argument = dmaUnmap.bytes({ argsz: dmaUnmap.size, flags, iova: range?.iova ?? 0n, size: range?.size ?? 0n });
    yield* this.ioctlSteps(IOMMU_UNMAP_DMA, argument);
    return dmaUnmap.decode(argument).size;
  }

  *#dirtyTracking(flags: number): Operation<void> {
    yield* this.ioctlSteps(IOMMU_DIRTY_PAGES, dirtyBitmap.bytes({ argsz: dirtyBitmap.size, flags }));
  }

  *#dirtyPages({ iova, size }: DmaRange): Operation<Uint8Array> {
    // The kernel counts in words of 64 bits.
    const bits = new Uint8Array(Number((size / PAGE_BYTES + 63n) / 64n) * 8);
    const data = this.#addresses.place(bits);
    try {
      const argument = new Uint8Array(dirtyBitmap.size + dirtyBitmapGet.size + bitmap.size);
      dirtyBitmap.encode(argument, { argsz: argument.length, flags: DIRTY_FLAGS.getBitmap });
      dirtyBitmapGet.encode(argument.subarray(dirtyBitmap.size), { iova, size });
      const target = argument.subarray(dirtyBitmap.size + dirtyBitmapGet.size);
      bitmap.encode(target, { pgsize: PAGE_BYTES, size: BigInt(bits.length), data });
      yield* this.ioctlSteps(IOMMU_DIRTY_PAGES, argument);
      return bits;
    } finally {
      this.#addresses.remove(data);
    }
  }
}

/** Opens a new container. ENODEV: no vfio driver is loaded. */
export function openContainer(bus: Bus, options?: OpenOptions): Promise<ContainerFile> {
  return perform(openContainerSteps(bus, AddressMap.ofThread(), options));
}

/** {@link openContainer}, blocking; for threads that host no actor. */
export function openContainerSync(bus: Bus, options?: OpenOptions): ContainerFile {
  return performSync(openContainerSteps(bus, AddressMap.ofThread(), options));
}

/** @internal `addresses`: of the program. */
export function* openContainerSteps(
  bus: Bus,
  addresses: AddressMap,
  { privileged = true }: OpenOptions = {},
): Operation<ContainerFile> {
  const control = controlOf(bus);
  return new ContainerFile(bus, control, yield* askControl(control, 'openContainer', privileged), addresses);
}

function* ignoreResult(steps: Operation<unknown>): Operation<void> {
  yield* steps;
}
