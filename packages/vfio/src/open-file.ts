/**
 * One open device file on the device's thread, private to it. Made by `device-files.ts`; the counts of calls are kept by
 * `file-operations.ts`.
 */
import { MediatedError } from '@mediated/core';
import type { VfioDevice } from './device.js';
import type { InterruptCounter } from './interrupt-counter.js';
import type { IoctlCall } from './operations.js';

/** A file from the beginning of its open to the end of its close. */
export class OpenFile implements IoctlCall {
  readonly number: number;
  readonly owner: number;
  readonly device: VfioDevice;
  /** Callbacks under way that have returned a promise. */
  calls = 0;
  /** Called when the last of them has ended: the file is being closed. */
  idle: (() => void) | undefined = undefined;
  /** Its owner is gone. */
  orphaned = false;
  #descriptors: (InterruptCounter | undefined)[] | undefined;

  constructor(number: number, owner: number, device: VfioDevice) {
    this.number = number;
    this.owner = owner;
    this.device = device;
  }

  /** Interrupt counters by descriptor number; most files never have one. */
  get descriptors(): (InterruptCounter | undefined)[] {
    this.#descriptors ??= [];
    return this.#descriptors;
  }

  eventfd(descriptor: number): InterruptCounter {
    const counter = this.#descriptors?.[descriptor];
    if (counter !== undefined) return counter;
    throw new MediatedError('EBADF', `${descriptor} is no descriptor of this file`, { syscall: 'ioctl' });
  }
}
