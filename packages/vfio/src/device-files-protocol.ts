/**
 * Device files between a client thread and a device's thread. Used by `device-file.ts` and `device-files-actor.ts`.
 * A file has a number that no other file of the device's thread has had in this life of the thread.
 */
import { ask, bytes, defineProtocol, int, number, uint, value } from '@mediated/core/actor';
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
  /** File, offset, length. */
  mmap: ask([int, number, number], value<SharedArrayBuffer>()),
});

export type DeviceFilesMessages = NonNullable<(typeof deviceFilesProtocol)['types']>;

/** Bytes of the result before the argument in the answer to an ioctl. */
export const IOCTL_RESULT_BYTES = 4;
