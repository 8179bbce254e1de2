/**
 * Device files between a client thread, or the control actor, and a device's thread. Used by `device-file.ts`, `control/`
 * and `device-files-actor.ts`.
 * A file has a number that no other file of the device's thread has had in this life of the thread.
 */
import { ask, boolean, bytes, defineProtocol, int, none, number, uint, value } from '@mediated/core/actor';
import type { GroupOpen, GroupOpened } from './control/control-protocol.js';
import type { Segment } from './iommu/segment-table.js';
import type { MappedMemory } from './mapped-memory.js';
import type { PassedFiles } from './passed-file.js';

export const deviceFilesProtocol = defineProtocol({
  /** Slot and generation of the device; answers the file's number or a negative errno. */
  open: ask([int, int], int),
  /** File; 0 or a negative errno. */
  close: ask([int], int),
  /** File, position, length. */
  read: ask([int, number, uint], bytes),
  /** File, position, data; answers how many bytes were taken. */
  write: ask([int, number, bytes], uint),
  /** File, command, argument; answers the result (4 bytes, the machine's order) and the argument as it came out. */
  ioctl: ask([int, uint, bytes], bytes),
  /** {@link ioctl} with the files that the argument names. */
  ioctlWithFiles: ask([int, uint, value<{ argument: Uint8Array; files: PassedFiles }>()], bytes),
  /** File, offset, length, access (`mapped-memory.ts`). */
  mmap: ask([int, number, number, int], value<MappedMemory>()),
  /** File; answers its length in bytes. ESPIPE: it has none. */
  size: ask([int], number),
  /** Opens the device by its own node; as {@link open}. The file is to be bound to an iommufd context. */
  openNode: ask([int, int], int),
  /** Slot, generation. Interrupts the removal that waits for the device's users; false: none was, or not any more. */
  interrupt: ask([int, int], boolean),
  /** File; virtual machine, 0: none. */
  setKvm: ask([int, int], none),

  /** From the driver on another of its threads: slot, generation, step (`device-peers.ts`). ENODEV. */
  step: ask([int, int, int], int),

  /** From the control actor: slot, generation, name. Above 0: the name means the device; below: an errno. */
  match: ask([int, int, value<string>()], int),
  /** Slot, generation. Opens the device for a client that has its group. ENODEV; what `openDevice` threw. */
  openOfGroup: ask([int, int, value<GroupOpen>()], value<GroupOpened>()),
  /** File and client: the client has died before it could be told of the file. */
  closeFor: ask([int, int], none),
  /** Address space, memory that a mapping will name. */
  shareSegment: ask([int, value<Segment>()], none),
  /** Address space, number of the memory. */
  dropSegment: ask([int, int], none),
  /** Address space: no device of this thread may have the range pinned when this is answered. */
  dmaUnmap: ask([int, value<{ iova: bigint; size: bigint }>()], none),
  /** File, client, virtual machine: the file stays open for the machine. EBADF. */
  pinFile: ask([int, int, int], none),
  unpinFile: ask([int], none),
});

export type DeviceFilesMessages = NonNullable<(typeof deviceFilesProtocol)['types']>;

/** Bytes of the result before the argument in the answer to an ioctl. */
export const IOCTL_RESULT_BYTES = 4;
