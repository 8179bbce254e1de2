/**
 * The card's one interrupt: how it is bound (INTx or MSI), masked and raised. Called by the ports (raise) and by
 * SET_IRQS, under the device's lock (mtty section 6).
 */
import { MediatedError } from '@mediated/core';
import {
  checkIrqSet,
  IRQ_ACTION_MASK,
  IRQ_ACTION_TRIGGER,
  IRQ_ACTION_UNMASK,
  IRQ_DATA_BOOL,
  IRQ_DATA_EVENTFD,
  IRQ_DATA_NONE,
  type IrqSet,
} from './irq-set.js';

/** Interrupt indexes of a PCI device. The card has INTx and MSI. */
export const INTX = 0;
export const MSI = 1;
export const IRQ_INDEXES = 5;

const ACTIONS = IRQ_ACTION_MASK | IRQ_ACTION_UNMASK | IRQ_ACTION_TRIGGER;
const DATA_KINDS = IRQ_DATA_NONE | IRQ_DATA_BOOL | IRQ_DATA_EVENTFD;

/** What an interrupt is delivered to: an eventfd, whose counter each signal raises by one. */
export interface Eventfd {
  signal(): void;
  /** Called once when the binding ends. */
  release(): void;
}

/** Finds the eventfd behind an fd number. Errors: `EBADF` when there is no such fd, `EINVAL` when it is no eventfd. */
export type EventfdLookup = (fd: number) => Eventfd;

/** Interrupt state of one card. */
export class MttyInterrupts {
  /**
   * How many interrupts GET_INFO told. 0 until it is served for the first time, and with 0 every SET_IRQS and
   * GET_IRQ_INFO is EINVAL (quirk); it is never reset.
   */
  told = 0;
  #index: typeof INTX | typeof MSI | undefined;
  #eventfd: Eventfd | undefined;
  #masked = false;

  /** The index that is bound, if any. */
  get bound(): number | undefined {
    return this.#index;
  }

  /** True while INTx was signalled or masked and not unmasked since. */
  get masked(): boolean {
    return this.#masked;
  }

  /** Delivers one interrupt. INTx masks itself; what comes while it is masked is lost. */
  raise(): void {
    if (this.#index === INTX) {
      if (this.#masked) return;
      this.#masked = true;
    }
    this.#eventfd?.signal();
  }

  /** Serves SET_IRQS. Errors: `EINVAL`, `ENOTTY`, and those of `lookup`, after which nothing is bound any more. */
  set(set: IrqSet, lookup: EventfdLookup): void {
    checkIrqSet(set, this.told, IRQ_INDEXES);
    const { index, flags } = set;
    if (index !== INTX && index !== MSI) throw failure('ENOTTY', `no interrupt at index ${index}`);
    switch (flags & ACTIONS) {
      case IRQ_ACTION_TRIGGER:
        this.#trigger(index, set, lookup);
        return;
      case IRQ_ACTION_MASK:
      case IRQ_ACTION_UNMASK:
        if (index === MSI) throw failure('ENOTTY', 'MSI cannot be masked');
        this.#setMask(set, (flags & ACTIONS) === IRQ_ACTION_MASK);
        return;
      default:
        // No action, or several: nothing.
        return;
    }
  }

  /** Ends whatever is bound, as close does. */
  tearDown(): void {
    this.#eventfd?.release();
    this.#eventfd = undefined;
    this.#index = undefined;
    this.#masked = false;
  }

  #setMask({ flags, start, count, data }: IrqSet, masked: boolean): void {
    if (this.#index !== INTX || start !== 0 || count !== 1) throw failure('EINVAL', 'INTx is not bound');
    const kind = flags & DATA_KINDS;
    if (kind === IRQ_DATA_EVENTFD) throw failure('ENOTTY', 'INTx is not masked by eventfd');
    if (kind === IRQ_DATA_NONE || data[0] !== 0) this.#masked = masked;
  }

  #trigger(index: typeof INTX | typeof MSI, { flags, start, count, data }: IrqSet, lookup: EventfdLookup): void {
    const kind = flags & DATA_KINDS;
    if (kind === IRQ_DATA_NONE && count === 0 && this.#index === index) {
      this.tearDown();
      return;
    }
    const mine = this.#index === index;
    if (!(mine || this.#index === undefined) || start !== 0 || count !== 1) {
      throw failure('EINVAL', 'another interrupt is bound, or not exactly interrupt 0 is meant');
    }
    if (kind === IRQ_DATA_EVENTFD) {
      this.tearDown();
      const fd = new DataView(data.buffer, data.byteOffset).getInt32(0, true);
      if (fd < 0) return;
      this.#eventfd = lookup(fd);
      this.#index = index;
      return;
    }
    if (!mine) throw failure('EINVAL', 'nothing is bound that could be triggered');
    if (kind === IRQ_DATA_NONE || data[0] !== 0) this.raise();
  }
}

function failure(code: MediatedError['code'], message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'ioctl' });
}
