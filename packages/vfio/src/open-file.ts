/**
 * One open device file on the device's thread, private to it. Made by `device-files.ts`; the counts of calls are kept by
 * `file-operations.ts`.
 */
import { MediatedError } from '@mediated/core';
import type { VfioDevice } from './device.js';
import type { InterruptCounter } from './interrupt-counter.js';
import type { IoctlCall } from './operations.js';

export interface OpenFile extends IoctlCall {
  readonly number: number;
  readonly owner: number;
  readonly device: VfioDevice;
  /** Interrupt counters by descriptor number. */
  readonly descriptors: (InterruptCounter | undefined)[];
  /** Callbacks under way that have returned a promise. */
  calls: number;
  /** Called when the last of them has ended: the file is being closed. */
  idle: (() => void) | undefined;
  /** Its owner is gone. */
  orphaned: boolean;
}

/** A file that is being opened. */
export function openFile(number: number, owner: number, device: VfioDevice): OpenFile {
  const descriptors: (InterruptCounter | undefined)[] = [];
  return {
    number,
    owner,
    device,
    descriptors,
    calls: 0,
    idle: undefined,
    orphaned: false,
    eventfd(descriptor) {
      const counter = descriptors[descriptor];
      if (counter !== undefined) return counter;
      throw new MediatedError('EBADF', `${descriptor} is no descriptor of this file`, { syscall: 'ioctl' });
    },
  };
}
