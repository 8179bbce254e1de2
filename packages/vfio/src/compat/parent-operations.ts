/**
 * The callbacks of a driver as the interface of 2016 had them: one table, one mdev per call, a result below 0 for an
 * errno. Written by whoever has such a driver; made into one of today's by `define-parent-driver.ts`.
 */
import type { MdevType } from '@mediated/core';
import type { MapAccess, MappedMemory } from '../mapped-memory.js';
import type { IoctlCall } from '../operations.js';

/** A mediated device as these callbacks know it. */
export interface MediatedDevice {
  readonly uuid: string;
  readonly type: MdevType;
  /** The driver's own: what `mdev_set_drvdata` kept. */
  driverData: unknown;
}

/** 0, or a negative errno. A driver that returns nothing has succeeded. */
// biome-ignore lint/suspicious/noConfusingVoidType: a callback that returns nothing is one of type void.
export type Outcome = number | undefined | void | Promise<number | undefined | void>;

/**
 * The table. All but `create` and `remove` are optional. Callbacks may throw a `MediatedError` as well, and may return
 * promises. Nothing serialises them but the driver itself: what a second open must not do again, it has to know.
 */
export interface ParentOperations {
  /** A device is made. */
  create(mdev: MediatedDevice): Outcome;
  /**
   * The device is to go, in use or not: a driver that cannot let go of one in use returns -EBUSY, and it stays. When the
   * parent goes it is asked as well, and its answer changes nothing.
   */
  remove(mdev: MediatedDevice): Outcome;
  /** A file is opened: every one. */
  open?(mdev: MediatedDevice): Outcome;
  /** A file is closed: every one. */
  release?(mdev: MediatedDevice): Outcome;
  /** Bytes read into `into` from `position` on, or a negative errno. Absent: EINVAL; so with the following. */
  read?(mdev: MediatedDevice, into: Uint8Array, position: number): number | Promise<number>;
  /** Bytes taken from `bytes` at `position`, or a negative errno. */
  write?(mdev: MediatedDevice, bytes: Uint8Array, position: number): number | Promise<number>;
  /** The result, or a negative errno; the argument goes back to the program as it is left in both cases. */
  ioctl?(mdev: MediatedDevice, command: number, argument: Uint8Array, call: IoctlCall): Outcome;
  /** The memory behind a part of the device's file, a view of exactly that, or a negative errno. */
  mmap?(
    mdev: MediatedDevice,
    offset: number,
    length: number,
    access: Required<MapAccess>,
  ): MappedMemory | number | Promise<MappedMemory | number>;
}
