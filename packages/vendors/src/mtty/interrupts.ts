/**
 * The card's one interrupt: how it is bound (INTx or MSI), masked and raised. Called by the ports (raise) and by
 * SET_IRQS, under the device's lock (mtty section 6).
 */
import { MediatedError } from '@mediated/core';
import { descriptorAt, InterruptLine, type IrqSet, isMeant, readIrqSet, type Signalled } from '@mediated/vfio';
import { PCI_IRQS } from '@mediated/vfio/uapi';

/** Interrupt indexes of a PCI device. The card has INTx and MSI, one of each. */
export const INTX = PCI_IRQS.intx;
export const MSI = PCI_IRQS.msi;
export const IRQ_INDEXES = PCI_IRQS.count;

/** Finds the eventfd behind a descriptor. Errors: `EBADF` when there is none, `EINVAL` when it is no eventfd. */
export interface EventfdLookup {
  eventfd(descriptor: number): Signalled;
}

/** Interrupt state of one card. */
export class MttyInterrupts {
  /**
   * How many interrupts GET_INFO told. 0 until it is served for the first time (quirk), and with 0 every SET_IRQS and
   * GET_IRQ_INFO is EINVAL; it is never reset.
   */
  told: number;
  #index: typeof INTX | typeof MSI | undefined;
  #line: InterruptLine | undefined;

  constructor(told = 0) {
    this.told = told;
  }

  /** The index that is bound, if any. */
  get bound(): number | undefined {
    return this.#index;
  }

  /** True while INTx was signalled or masked and not unmasked since. */
  get masked(): boolean {
    return this.#line?.masked === true;
  }

  /** Delivers one interrupt. INTx masks itself; what comes while it is masked is lost. */
  raise(): void {
    this.#line?.raise();
  }

  /** Serves SET_IRQS. Errors: `EINVAL`, `ENOTTY`, and those of the look-up, after which nothing is bound any more. */
  set(argument: Uint8Array, lookup: EventfdLookup): void {
    // What was told is taken for the number of interrupts of each index (quirk).
    const set = readIrqSet(argument, IRQ_INDEXES, () => this.told);
    const { index, action } = set;
    if (index !== INTX && index !== MSI) throw failure('ENOTTY', `no interrupt at index ${index}`);
    // No action, or several: nothing (quirk).
    if (action === undefined) return;
    if (action === 'trigger') return this.#trigger(index, set, lookup);
    if (index === MSI) throw failure('ENOTTY', 'MSI cannot be masked');
    if (this.#index !== INTX || !isTheOne(set)) throw failure('EINVAL', 'INTx is not bound');
    if (set.kind === 'eventfd') throw failure('ENOTTY', 'INTx is not masked by eventfd');
    if (isMeant(set, 0)) this.#line?.[action]();
  }

  /** Ends whatever is bound, as close does. */
  tearDown(): void {
    this.#line = undefined;
    this.#index = undefined;
  }

  #trigger(index: typeof INTX | typeof MSI, set: IrqSet, lookup: EventfdLookup): void {
    const mine = this.#index === index;
    if (set.kind === 'none' && set.count === 0 && mine) return this.tearDown();
    if (!(mine || this.#index === undefined) || !isTheOne(set)) {
      throw failure('EINVAL', 'another interrupt is bound, or not exactly interrupt 0 is meant');
    }
    if (set.kind === 'eventfd') return this.#bind(index, descriptorAt(set, 0), lookup);
    if (!mine) throw failure('EINVAL', 'nothing is bound that could be triggered');
    if (isMeant(set, 0)) this.raise();
  }

  /** What was bound goes first: a descriptor that is none leaves nothing. */
  #bind(index: typeof INTX | typeof MSI, descriptor: number, lookup: EventfdLookup): void {
    this.tearDown();
    if (descriptor < 0) return;
    const line = new InterruptLine({ automasked: index === INTX });
    line.bind(lookup.eventfd(descriptor));
    this.#line = line;
    this.#index = index;
  }
}

function isTheOne({ start, count }: IrqSet): boolean {
  return start === 0 && count === 1;
}

function failure(code: MediatedError['code'], message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'ioctl' });
}
