/**
 * Files that a driver gives a program as the result of an ioctl: migration data, dma-bufs. Written by drivers, opened
 * with `IoctlCall.openFile`; called on the device's thread.
 */

import type { MapAccess, MappedMemory } from './mapped-memory.js';

/** The position of a read or write that goes on where the last has ended: all that a stream has. */
export const NO_POSITION = -1;

/** The callbacks of such a file. An absent one is EINVAL to the program; throw a `MediatedError` to fail. */
export interface AnonymousFile {
  /** As shown to people, e.g. `[mtty-migration]`. */
  readonly name: string;
  /** Bytes, of a file that has an end: where seeking to it leads. Absent: ESPIPE. */
  readonly size?: number;
  /** Fills `into`; returns how many bytes. `position` is what the program gave, maybe `NO_POSITION`. */
  read?(position: number, into: Uint8Array): number | Promise<number>;
  /** Takes `bytes`; returns how many. */
  write?(position: number, bytes: Uint8Array): number | Promise<number>;
  /** A command and its argument, which the program gets back as it is left; returns the result (default 0). */
  // biome-ignore lint/suspicious/noConfusingVoidType: as for a device's ioctl.
  ioctl?(command: number, argument: Uint8Array): number | undefined | void | Promise<number | undefined | void>;
  /** The memory behind the file, itself, no copy: a view of exactly these bytes. */
  mmap?(offset: number, length: number, access: Required<MapAccess>): MappedMemory | Promise<MappedMemory>;
  /** The program has closed the file, or has died. Runs once. */
  release?(): void;
}
