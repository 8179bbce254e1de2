/**
 * Interrupts of a platform device while it is open: GET_IRQ_INFO and SET_IRQS (spec/vendors/platform-fsl A5). Each index is
 * one line. On the device's thread; SET_IRQS calls of a device exclude each other, as under its `igate`.
 */
import { MediatedError } from '@mediated/core';
import { Turns } from '../control/turns.js';
import type { EventfdSource } from '../irqs/device-interrupts.js';
import { descriptorAt, type IrqSet, isMeant, readIrqSet } from '../irqs/irq-set.js';
import { readArgument } from '../uapi/argument.js';
import { IRQ_INFO_BYTES, IRQ_INFO_FLAGS, irqInfo } from '../uapi/irq.js';
import type { PlatformLine } from './platform-line.js';

export class PlatformInterrupts {
  readonly lines: readonly PlatformLine[];
  readonly #gate = new Turns();
  readonly #failed: (error: unknown) => void;

  /** `failed` hears of errors that no caller can be told, those of acting on a program's counter. */
  constructor(lines: readonly PlatformLine[], failed: (error: unknown) => void) {
    this.lines = lines;
    this.#failed = failed;
  }

  get count(): number {
    return this.lines.length;
  }

  /** Serves GET_IRQ_INFO. EFAULT, EINVAL. */
  info(argument: Uint8Array): void {
    const { index } = readArgument(irqInfo, argument, IRQ_INFO_BYTES);
    const line = this.lines[index];
    if (line === undefined) throw invalid(`there is no irq ${index}`);
    const { eventfd, maskable, automasked } = IRQ_INFO_FLAGS;
    irqInfo.encode(argument, { flags: line.level ? eventfd | maskable | automasked : eventfd, count: 1 });
  }

  /**
   * Serves SET_IRQS. Errors: those of `readIrqSet`, with the number of indexes for that of interrupts of each; what
   * requesting the line has answered; ENOTTY (no action or several); EINVAL (other than one interrupt from 0, masking of
   * an edge-triggered line); EBADF, EINVAL (descriptors); EBUSY (a counter for masking or unmasking is there already).
   */
  set(argument: Uint8Array, call: EventfdSource): void | Promise<void> {
    const { length } = this.lines;
    const set = readIrqSet(argument, length, () => length);
    return this.#gate.take(() => {
      const line = this.lines[set.index] as PlatformLine;
      if (line.error !== undefined) throw line.error;
      switch (set.action) {
        case undefined:
          throw new MediatedError('ENOTTY', 'not exactly one action', { syscall: 'ioctl' });
        case 'trigger':
          return trigger(line, set, call);
        default:
          return this.#mask(line, set, set.action, call);
      }
    });
  }

  #mask(line: PlatformLine, set: IrqSet, action: 'mask' | 'unmask', call: EventfdSource): void | Promise<void> {
    assertOne(set);
    if (!line.level) throw invalid(`irq ${set.index} cannot be masked`);
    if (set.kind !== 'eventfd') {
      if (isMeant(set, 0)) line[action]();
      return;
    }
    const virqfd = line.virqfds[action];
    const descriptor = descriptorAt(set, 0);
    if (descriptor < 0) return virqfd.disable();
    const handler = () => {
      line[action]();
      return false;
    };
    virqfd.enable(call.eventfd(descriptor), { handler, failed: this.#failed });
  }
}

function trigger(line: PlatformLine, set: IrqSet, call: EventfdSource): void {
  if (set.kind === 'none' && set.count === 0) return line.unbind();
  assertOne(set);
  if (set.kind !== 'eventfd') {
    if (isMeant(set, 0)) line.handle();
    return;
  }
  line.unbind();
  const descriptor = descriptorAt(set, 0);
  if (descriptor >= 0) line.bind(call.eventfd(descriptor));
}

function assertOne({ start, count, index }: IrqSet): void {
  if (start !== 0 || count !== 1) throw invalid(`irq ${index} is one interrupt, not ${count} from ${start}`);
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
