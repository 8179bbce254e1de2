/**
 * The interrupts of a PCI function (spec/pci section 6): INTx, MSI or MSI-X, of which one is active, and the two events
 * for errors and for being wanted back. Behind SET_IRQS towards the program, behind the model and the host towards the
 * device. Private to the function's thread; every step is a plain call, so that it needs no lock. Only the end of a
 * program's counter for unmasking is waited for.
 */
import { MediatedError } from '@mediated/core';
import type { EventfdSource } from '../irqs/device-interrupts.js';
import { descriptorAt, type IrqSet, isMeant } from '../irqs/irq-set.js';
import { Virqfd } from '../irqs/virqfd.js';
import type { InterruptCounter } from '../interrupt-counter.js';
import { IRQ_INFO_FLAGS } from '../uapi/irq.js';
import { PCI_IRQS } from '../uapi/pci.js';
import type { ConfigHardware } from './config-hardware.js';
import {
  CAPABILITY,
  COMMAND,
  COMMAND_INTX_DISABLE,
  MSI_CAPABLE,
  MSI_ENABLE,
  MSI_FLAGS,
  MSIX_ENABLE,
  MSIX_FLAGS,
  MSIX_SIZE,
  STATUS,
  STATUS_INTERRUPT,
} from './registers.js';

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

type Result = number | undefined | Promise<undefined>;

interface IntxState {
  counter: InterruptCounter | undefined;
  masked: boolean;
}

interface MessageState {
  readonly index: typeof PCI_IRQS.msi | typeof PCI_IRQS.msix;
  /** Vectors that the host has given. */
  allocated: Set<number>;
  readonly counters: Map<number, InterruptCounter>;
}

export class PciInterrupts {
  readonly #setup: InterruptSetup;
  readonly #unmask = new Virqfd();
  #intx: IntxState | undefined;
  #messages: MessageState | undefined;
  #events: (InterruptCounter | undefined)[] = [undefined, undefined];
  #asserted = false;
  #off = false;
  /** INTx was masked because the function sleeps. */
  #asleep = false;
  /** log2 of the vectors of the last MSI enable; survives closing (section 3.5). */
  #msiMost = 0;

  constructor(setup: InterruptSetup) {
    this.#setup = setup;
  }

  get msiActive(): boolean {
    return this.#messages?.index === PCI_IRQS.msi;
  }

  get msiMost(): number {
    return this.#msiMost;
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
  set(set: IrqSet, call: EventfdSource): Result {
    switch (set.index) {
      case PCI_IRQS.intx:
        if (set.action === 'trigger') return this.#triggerIntx(set, call);
        if (set.action !== undefined) return this.#maskIntx(set, call);
        break;
      case PCI_IRQS.msi:
      case PCI_IRQS.msix:
        if (set.action === 'trigger') return this.#triggerMessages(set, set.index, call);
        break;
      default:
        if (set.action === 'trigger') return this.#triggerEvent(set, call);
    }
    throw new MediatedError('ENOTTY', `index ${set.index} cannot do that`, { syscall: 'ioctl' });
  }

  /** The device's INTx line: it stays as it is set. */
  line(asserted: boolean): void {
    this.#asserted = asserted;
    this.#setup.hardware.change(STATUS, 2, asserted ? STATUS_INTERRUPT : 0, STATUS_INTERRUPT);
    this.#deliver();
  }

  /** The device sends a message; lost where no program takes it. */
  message(vector: number): void {
    this.#messages?.counters.get(vector)?.signal();
  }

  /** The program has set or cleared DisINTx. */
  turnIntx(off: boolean): void {
    this.#off = off;
    if (off) this.#mask();
    else this.#tryUnmask();
  }

  /** The function sleeps: its line is masked until it wakes. */
  sleep(): void {
    if (this.#intx === undefined || this.#intx.masked) return;
    this.#asleep = true;
    this.#mask();
  }

  wake(): void {
    if (!this.#asleep) return;
    this.#asleep = false;
    this.#tryUnmask();
  }

  /** An uncorrectable error was reported (false: nobody wants to know), or the device is wanted back. */
  event(which: 'error' | 'request'): boolean {
    const counter = this.#events[which === 'error' ? 0 : 1];
    counter?.signal();
    return counter !== undefined;
  }

  /** Ends the active mode. Resolves when no counter of the program is acted on any more. */
  disable(): Promise<undefined> | undefined {
    if (this.#messages !== undefined) this.#disableMessages();
    if (this.#intx === undefined) return undefined;
    return this.#disableIntx();
  }

  /** After the last close: mode, events and switches as at first. */
  forget(): void {
    this.#events = [undefined, undefined];
    this.#off = false;
    this.#asleep = false;
  }

  #triggerIntx(set: IrqSet, call: EventfdSource): Result {
    const active = this.#intx;
    if (active !== undefined && set.count === 0 && set.kind === 'none') return this.#disableIntx();
    if (this.#messages !== undefined || set.start !== 0 || set.count !== 1) {
      throw invalid('another mode is active, or this is not exactly one interrupt');
    }
    if (set.kind === 'eventfd') {
      const descriptor = descriptorAt(set, 0);
      const counter = descriptor < 0 ? undefined : call.eventfd(descriptor);
      if (active !== undefined) active.counter = counter;
      else this.#enableIntx(counter);
      return undefined;
    }
    if (active === undefined) throw invalid('INTx is not enabled');
    if (isMeant(set, 0) && !this.#off) active.counter?.signal();
    return undefined;
  }

  #enableIntx(counter: InterruptCounter | undefined): void {
    this.#intx = { counter, masked: this.#off };
    this.#setup.hardware.change(COMMAND, 2, this.#off ? COMMAND_INTX_DISABLE : 0, COMMAND_INTX_DISABLE);
    this.#deliver();
  }

  #disableIntx(): Promise<undefined> | undefined {
    this.#intx = undefined;
    return this.#unmask.enabled ? this.#unmask.disable().then(() => undefined) : undefined;
  }

  #maskIntx(set: IrqSet, call: EventfdSource): Result {
    if (this.#intx === undefined || set.start !== 0 || set.count !== 1) {
      throw invalid('INTx is not enabled, or this is not exactly one interrupt');
    }
    const masking = set.action === 'mask';
    if (set.kind !== 'eventfd') {
      if (isMeant(set, 0)) masking ? this.#mask() : this.#tryUnmask();
      return undefined;
    }
    if (masking) throw new MediatedError('ENOTTY', 'no counter can mask INTx', { syscall: 'ioctl' });
    const descriptor = descriptorAt(set, 0);
    if (descriptor < 0) return this.#unmask.enabled ? this.#unmask.disable().then(() => undefined) : undefined;
    const handler = () => {
      this.#tryUnmask();
      return false;
    };
    this.#unmask.enable(call.eventfd(descriptor), { handler, failed: (error) => this.#setup.failed(error) });
    return undefined;
  }

  #mask(): void {
    if (this.#intx !== undefined) this.#intx.masked = true;
    this.#setup.hardware.change(COMMAND, 2, COMMAND_INTX_DISABLE);
  }

  /** A line that is still asserted stays masked and is signalled once more. */
  #tryUnmask(): void {
    const intx = this.#intx;
    if (this.#off || (intx !== undefined && !intx.masked)) return;
    if (intx !== undefined && this.#asserted) {
      intx.counter?.signal();
      return;
    }
    if (intx !== undefined) intx.masked = false;
    this.#setup.hardware.change(COMMAND, 2, 0, COMMAND_INTX_DISABLE);
  }

  /** A level is signalled once, then masked until the program unmasks it. */
  #deliver(): void {
    const intx = this.#intx;
    if (!this.#asserted || intx === undefined || intx.masked) return;
    this.#mask();
    intx.counter?.signal();
  }

  #triggerMessages(set: IrqSet, index: MessageState['index'], call: EventfdSource): Result {
    const active = this.#messages?.index === index ? this.#messages : undefined;
    if (active !== undefined && set.count === 0 && set.kind === 'none') {
      this.#disableMessages();
      return undefined;
    }
    if (active === undefined && (this.#messages !== undefined || this.#intx !== undefined)) {
      throw invalid('another mode is active; disable it first');
    }
    if (set.kind === 'eventfd') return this.#bindMessages(set, index, active, call);
    if (active === undefined) throw invalid('the mode is not enabled');
    for (let i = 0; i < set.count; i++) if (isMeant(set, i)) active.counters.get(set.start + i)?.signal();
    return undefined;
  }

  #bindMessages(
    set: IrqSet,
    index: MessageState['index'],
    active: MessageState | undefined,
    call: EventfdSource,
  ): number | undefined {
    if (active !== undefined) {
      this.#bindBlock(active, set, call);
      return undefined;
    }
    const wanted = set.start + set.count;
    const available = Math.min(this.#setup.hostVectors, this.countOf(index));
    if (wanted > available) {
      if (available === 0) throw new MediatedError('ENOSPC', 'the host has no vectors left', { syscall: 'ioctl' });
      return available;
    }
    const allocated = new Set(Array.from({ length: wanted }, (_, vector) => vector));
    const state: MessageState = { index, allocated, counters: new Map() };
    this.#messages = state;
    this.#switchHardware(index, true);
    if (index === PCI_IRQS.msi) this.#msiMost = Math.floor(Math.log2(Math.max(1, 2 * wanted - 1)));
    try {
      this.#bindBlock(state, set, call);
    } catch (error) {
      this.#disableMessages();
      throw error;
    }
    return undefined;
  }

  /** When a vector fails, those of this call that came before it are unbound as well; the others stay as they were. */
  #bindBlock(state: MessageState, set: IrqSet, call: EventfdSource): void {
    for (let i = 0; i < set.count; i++) {
      try {
        this.#bindVector(state, set.start + i, descriptorAt(set, i), call);
      } catch (error) {
        for (let done = 0; done <= i; done++) state.counters.delete(set.start + done);
        throw error;
      }
    }
  }

  #bindVector(state: MessageState, vector: number, descriptor: number, call: EventfdSource): void {
    state.counters.delete(vector);
    if (descriptor < 0) return;
    if (!state.allocated.has(vector)) {
      if (state.index === PCI_IRQS.msi) throw invalid(`vector ${vector} was not allocated when MSI was enabled`);
      if (state.allocated.size >= this.#setup.hostVectors) {
        throw new MediatedError('ENOSPC', 'the host has no vectors left', { syscall: 'ioctl' });
      }
      state.allocated.add(vector);
    }
    state.counters.set(vector, call.eventfd(descriptor));
  }

  #disableMessages(): void {
    if (this.#messages === undefined) return;
    this.#switchHardware(this.#messages.index, false);
    this.#messages = undefined;
  }

  #switchHardware(index: MessageState['index'], on: boolean): void {
    const { hardware } = this.#setup;
    const [at, bit] =
      index === PCI_IRQS.msi
        ? [hardware.find(CAPABILITY.msi) + MSI_FLAGS, MSI_ENABLE]
        : [hardware.find(CAPABILITY.msix) + MSIX_FLAGS, MSIX_ENABLE];
    hardware.change(at, 2, on ? bit : 0, bit);
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
