/**
 * The interrupts of a PCI function (spec/pci section 6): INTx, MSI or MSI-X, of which one is active, and the two events
 * for errors and for being wanted back. Behind SET_IRQS towards the program, behind the model and the host towards the
 * device. Private to the function's thread; every step is a plain call, so that it needs no lock. Only the end of a
 * program's counter for unmasking is waited for.
 */
import { MediatedError } from '@mediated/core';
import type { EventfdSource } from '../irqs/device-interrupts.js';
import { descriptorAt, type IrqSet } from '../irqs/irq-set.js';
import type { InterruptCounter } from '../interrupt-counter.js';
import { IRQ_INFO_FLAGS } from '../uapi/irq.js';
import { PCI_IRQS } from '../uapi/pci.js';
import type { ConfigHardware } from './config-hardware.js';
import { IntxLine } from './intx.js';
import { type MessageIndex, MessageInterrupts } from './message-interrupts.js';
import { CAPABILITY, MSI_CAPABLE, MSI_FLAGS, MSIX_FLAGS, MSIX_SIZE } from './registers.js';

/** What the function has, to the program. */
export interface InterruptSetup {
  readonly hardware: ConfigHardware;
  /** It is offered with an INTx line. */
  readonly intx: boolean;
  readonly express: boolean;
  /** Vectors that the host can give it. */
  readonly hostVectors: number;
  /** A program's counter has failed. */
  failed(error: unknown): void;
}

export class PciInterrupts {
  readonly intx: IntxLine;
  readonly messages: MessageInterrupts;
  readonly #setup: InterruptSetup;
  /** Of an error, of a request. */
  #events: (InterruptCounter | undefined)[] = [undefined, undefined];

  constructor(setup: InterruptSetup) {
    const { hardware, hostVectors } = setup;
    this.#setup = setup;
    this.intx = new IntxLine(hardware, (error) => setup.failed(error));
    this.messages = new MessageInterrupts(hardware, hostVectors);
  }

  /** How many interrupts an index has. */
  countOf(index: number): number {
    const { hardware, intx, express } = this.#setup;
    switch (index) {
      case PCI_IRQS.intx:
        return intx ? 1 : 0;
      case PCI_IRQS.msi: {
        const at = hardware.find(CAPABILITY.msi);
        return at === 0 ? 0 : 1 << ((hardware.read(at + MSI_FLAGS, 2) & MSI_CAPABLE) >> 1);
      }
      case PCI_IRQS.msix: {
        const at = hardware.find(CAPABILITY.msix);
        return at === 0 ? 0 : (hardware.read(at + MSIX_FLAGS, 2) & MSIX_SIZE) + 1;
      }
      case PCI_IRQS.error:
        return express ? 1 : 0;
      default:
        return 1;
    }
  }

  /** Flags of GET_IRQ_INFO. EINVAL: there is no such index. */
  flagsOf(index: number): number {
    if (index >= PCI_IRQS.count || (index === PCI_IRQS.error && !this.#setup.express)) {
      throw invalid(`the function has no interrupts of index ${index}`);
    }
    if (index === PCI_IRQS.intx) return IRQ_INFO_FLAGS.eventfd | IRQ_INFO_FLAGS.maskable | IRQ_INFO_FLAGS.automasked;
    // Vectors of MSI-X come and go one by one.
    const resizes = index === PCI_IRQS.msix && this.countOf(index) > 0;
    return IRQ_INFO_FLAGS.eventfd | (resizes ? 0 : IRQ_INFO_FLAGS.noresize);
  }

  /**
   * SET_IRQS after the common checks. A positive result: so many vectors are available, fewer than asked for; nothing is
   * enabled. Errors: ENOTTY (no such action here), EINVAL, EBADF (descriptors), EBUSY (an unmasking counter is there).
   */
  set(set: IrqSet, call: EventfdSource): number | undefined | Promise<undefined> {
    const { index, action } = set;
    switch (index) {
      case PCI_IRQS.intx:
        if (action === undefined) break;
        if (action !== 'trigger') return this.intx.mask(set, call);
        this.#assertFree(this.messages.active !== undefined);
        return this.intx.trigger(set, call);
      case PCI_IRQS.msi:
      case PCI_IRQS.msix:
        if (action !== 'trigger') break;
        this.#assertFree(this.intx.enabled || this.#isOther(index));
        return this.messages.trigger(set, index, this.countOf(index), call);
      default:
        if (action === 'trigger') return this.#triggerEvent(set, call);
    }
    throw new MediatedError('ENOTTY', `index ${index} cannot do that`, { syscall: 'ioctl' });
  }

  /** An uncorrectable error was reported (false: nobody wants to know), or the device is wanted back. */
  event(which: 'error' | 'request'): boolean {
    const counter = this.#events[which === 'error' ? 0 : 1];
    counter?.signal();
    return counter !== undefined;
  }

  /** Ends the active mode. Resolves when no counter of the program is acted on any more. */
  disable(): Promise<undefined> | undefined {
    this.messages.disable();
    return this.intx.enabled ? this.intx.disable() : undefined;
  }

  /** After the last close: events and switches as at first. */
  forget(): void {
    this.#events = [undefined, undefined];
    this.intx.forget();
  }

  #isOther(index: MessageIndex): boolean {
    return this.messages.active !== undefined && this.messages.active !== index;
  }

  #assertFree(taken: boolean): void {
    if (taken) throw invalid('another mode is active; disable it first');
  }

  #triggerEvent(set: IrqSet, call: EventfdSource): undefined {
    if (set.start !== 0 || set.count > 1) throw invalid('this is not exactly one interrupt');
    const which = set.index === PCI_IRQS.error ? 0 : 1;
    const counter = this.#events[which];
    if (set.kind === 'none') {
      if (counter === undefined) throw invalid('no counter is bound');
      if (set.count === 1) counter.signal();
      else this.#events[which] = undefined;
      return undefined;
    }
    if (set.count === 0) throw invalid('there are no data');
    if (set.kind === 'bool') {
      if (set.data[0] !== 0) counter?.signal();
      return undefined;
    }
    const descriptor = descriptorAt(set, 0);
    if (descriptor < -1) throw invalid(`${descriptor} is no descriptor`);
    this.#events[which] = descriptor === -1 ? undefined : call.eventfd(descriptor);
    return undefined;
  }
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
