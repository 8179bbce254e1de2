/**
 * The callbacks of a vendor driver. Written by vendors (`driver.ts`), called on the thread of the device that they are
 * for: by `vfio-driver.ts` for life and death, by `device-files.ts` for files.
 */
import type { MdevType, ParentAttribute } from '@mediated/core';
import type { AnonymousFile } from './anonymous-file.js';
import type { Clock } from './clock.js';
import type { VfioDevice } from './device.js';
import type { DevicePeers } from './device-peers.js';
import type { InterruptCounter } from './interrupt-counter.js';
import type { DmaLoggingOperations } from './logging/operations.js';
import type { MapAccess, MappedMemory } from './mapped-memory.js';
import type { MigrationOperations } from './migration/operations.js';
import type { PassedFile } from './passed-file.js';

/** How a device file was opened. */
export type OpenedAs =
  /** By `openDevice`: without group, container and DMA. */
  | { readonly kind: 'direct' }
  /** Through its group, which is in a container or has an iommufd context (0: it has none). */
  | { readonly kind: 'group'; readonly group: number; readonly iommufd: number }
  /** By its own node, and bound to an iommufd context (0: not yet). */
  | { readonly kind: 'node'; readonly iommufd: number };

/** What an `ioctl` callback may ask about its caller, and do for it. */
export interface IoctlCall {
  /** The counter behind a descriptor number in the argument. EBADF: there is none. EINVAL: another kind of file. */
  eventfd(descriptor: number): InterruptCounter;
  /** The file behind a descriptor number in the argument. EBADF: there is none. */
  passed(descriptor: number): PassedFile;
  /** The caller's memory from an address in the argument on, itself. EFAULT: some of it was not passed. */
  memory(address: bigint, length: bigint): Uint8Array;
  /** How the caller has opened the device. */
  readonly opened: OpenedAs;
  /** Opens a file for the caller. Return its number, or put it into the argument: the caller makes a file of it. */
  openFile(file: AnonymousFile): number;
}

/** A vendor attribute of each bound device. */
export interface DeviceAttribute<Data> {
  /** `group/name`, or `name` for a file directly in the device's directory. */
  readonly path: string;
  /** Text of the file; absent: write-only. */
  show?(device: VfioDevice<Data>): string | Promise<string>;
  /** Takes a write; throw a `MediatedError` to refuse it. Absent: read-only. */
  store?(device: VfioDevice<Data>, text: string): void | Promise<void>;
}

/**
 * The callbacks of a driver on one of its threads; all are optional. Those for one device run on the thread that probed
 * it. They may be synchronous (then nothing else of the thread runs in between) or return a promise. Throw a
 * `MediatedError` to fail with its errno; anything else that is thrown becomes EIO with the thrown value as cause.
 */
export interface DeviceOperations<Data> {
  /**
   * Makes the driver's state of a new device: `device.data`. When it throws, it has undone what it did; no `release`.
   * Name its parameter even if it is not used: TypeScript then finds the type of `data` by what is returned.
   */
  init?(device: VfioDevice<undefined>): Data | Promise<Data>;
  /** The last reference is gone: gives back what `init` took. Runs once per successful `init`. */
  release?(device: VfioDevice<Data>): void | Promise<void>;
  /** Key of the set that the device shares with others, 1 to 96 bytes; undefined: a set of its own. */
  deviceSet?(device: VfioDevice<Data>): string | undefined;
  /**
   * Name (up to 63 bytes) of the device whose IOMMU isolates this one's DMA, as a parent does that tags its devices'
   * accesses: then containers map memory for it as for hardware, pinned as a whole, and it need not pin. Asked once, at
   * registration. Absent or undefined: the driver pins what it uses (spec/mdev-core section 13).
   */
  iommuDevice?(device: VfioDevice<Data>): string | undefined;
  /** First open, under the set's mutex. When it throws, the open fails and nothing is left of it. */
  openDevice?(device: VfioDevice<Data>): void | Promise<void>;
  /** Last close, under the set's mutex. Cannot fail. */
  closeDevice?(device: VfioDevice<Data>): void | Promise<void>;
  /**
   * A file more is open, the first one or another, under the set's mutex; behind `openDevice`. When it throws, the open
   * fails and nothing is left of it. For drivers that count files by themselves, as those of 2016 had to.
   */
  fileOpened?(device: VfioDevice<Data>): void | Promise<void>;
  /** A file is being closed, under the set's mutex; before `closeDevice`. Cannot fail. */
  fileClosed?(device: VfioDevice<Data>): void | Promise<void>;
  /** Fills `into` from byte `position` of the device's file; returns how many bytes. Absent: EINVAL. */
  read?(device: VfioDevice<Data>, position: number, into: Uint8Array): number | Promise<number>;
  /** Takes `bytes` at byte `position`; returns how many. Absent: EINVAL. */
  write?(device: VfioDevice<Data>, position: number, bytes: Uint8Array): number | Promise<number>;
  /**
   * A command and its argument, which the caller gets back as the callback leaves it; returns the call's result
   * (default 0). A negative errno fails the call like a thrown error, but gives the argument back. An argument that was
   * not passed is empty. VFIO_DEVICE_FEATURE does not come here. Absent: EINVAL.
   */
  ioctl?(
    device: VfioDevice<Data>,
    command: number,
    argument: Uint8Array,
    call: IoctlCall,
    // biome-ignore lint/suspicious/noConfusingVoidType: a callback may return nothing, and most do by calling another.
  ): number | undefined | void | Promise<number | undefined | void>;
  /**
   * A feature that is none of the core's (those are migration and DMA logging): its number, the flags of the request
   * (`FEATURE_FLAGS`), its data, which the caller gets back as the callback leaves it. Throw ENOTTY for a feature that the
   * device does not have, then call `checkFeature`. Absent: ENOTTY.
   */
  feature?(
    device: VfioDevice<Data>,
    feature: number,
    flags: number,
    data: Uint8Array,
    call: IoctlCall,
    // biome-ignore lint/suspicious/noConfusingVoidType: as for ioctl.
  ): number | undefined | void | Promise<number | undefined | void>;
  /** What is needed to migrate devices. Absent: its features are ENOTTY. */
  readonly migration?: MigrationOperations<Data>;
  /** What is needed to log the devices' DMA. Absent: its features are ENOTTY. */
  readonly logging?: DmaLoggingOperations<Data>;
  /**
   * The memory behind `length` bytes from `offset` of the device's file, itself, no copy: a view of exactly these bytes.
   * A driver that has no private mappings (`access.shared` is false) says EINVAL. Absent: EINVAL.
   */
  mmap?(
    device: VfioDevice<Data>,
    offset: number,
    length: number,
    access: Required<MapAccess>,
  ): MappedMemory | Promise<MappedMemory>;
  /**
   * Memory that the device may have pinned is being unmapped, in a container or an iommufd: unpin every page of it, for
   * programs wait until this has returned. Called for all devices that use the space, whatever they have pinned.
   */
  dmaUnmap?(device: VfioDevice<Data>, iova: bigint, size: bigint): void | Promise<void>;
  /**
   * Whether GET_DEVICE_FD with this name means the device: above 0 if so, 0 if not, a negative errno to refuse. Asked of
   * devices in groups that several share. Absent: the name is the device's own.
   */
  match?(device: VfioDevice<Data>, name: string): number | Promise<number>;
  /** How this thread is asked for steps, and asks others (`device-peers.ts`). Called once, before any device is made. */
  connect?(peers: DevicePeers): void;
  /** A step that the driver on another thread (or this one: `sender`) asks for; returns its result. */
  step?(device: VfioDevice<Data>, step: number, sender: number): number | Promise<number>;
  /** Another thread of the system has died or left: what it asked for will not be asked on. */
  threadEnded?(thread: number): void;
  /**
   * A removal that somebody wants is about to begin (not that of the parent, which cannot be refused). Throw to refuse it:
   * then the device is as before. The kernel's drivers could do so before version 5.13.
   */
  admitRemove?(device: VfioDevice<Data>): void | Promise<void>;
  /** The device is wanted back but in use: asked at once with 0, then every 10 s with 1, 2... until it is closed. */
  request?(device: VfioDevice<Data>, count: number): void | Promise<void>;
  /** Value of `available_instances`. Its presence turns the core's own accounting off. */
  getAvailable?(type: MdevType): number;
  /** Text of `description`; its absence hides the attribute. */
  showDescription?(type: MdevType): string;
  readonly attributes?: readonly DeviceAttribute<Data>[];
  /** Files of each parent device of the driver. */
  readonly parentAttributes?: readonly ParentAttribute[];
  /** The driver is unloaded or its thread stops gracefully. */
  stop?(): void | Promise<void>;
  /** How time passes between two requests; default: the system's clock. */
  readonly clock?: Clock;
}
