/**
 * The INTx line of a PCI function (spec/pci section 6): a level, of which a program gets one signal until it unmasks. Part
 * of `pci-interrupts.ts`; private to the function's thread.
 */
import { MediatedError } from '@mediated/core';
import type { EventfdSource } from '../irqs/device-interrupts.js';
import { descriptorAt, type IrqSet, isMeant } from '../irqs/irq-set.js';
import { Virqfd } from '../irqs/virqfd.js';
import type { InterruptCounter } from '../interrupt-counter.js';
import type { ConfigHardware } from './config-hardware.js';
import { COMMAND, COMMAND_INTX_DISABLE, STATUS, STATUS_INTERRUPT } from './registers.js';

type Result = Promise<undefined> | undefined;

export class IntxLine {
  readonly #hardware: ConfigHardware;
  readonly #failed: (error: unknown) => void;
  readonly #unmask = new Virqfd();
  /** Present while a program has it enabled. */
  #enabled: { counter: InterruptCounter | undefined; masked: boolean } | undefined;
  #asserted = false;
  /** The program keeps it off by DisINTx. */
  #off = false;
  /** It was masked because the function sleeps. */
  #asleep = false;

  /** `failed`: a program's counter has. */
  constructor(hardware: ConfigHardware, failed: (error: unknown) => void) {
    this.#hardware = hardware;
    this.#failed = failed;
  }

  get enabled(): boolean {
    return this.#enabled !== undefined;
  }

  /** The device sets its line, which stays so. */
  set(asserted: boolean): void {
    this.#asserted = asserted;
    this.#hardware.change(STATUS, 2, asserted ? STATUS_INTERRUPT : 0, STATUS_INTERRUPT);
    this.#deliver();
  }

  /** The program has set or cleared DisINTx. */
  turn(off: boolean): void {
    this.#off = off;
    if (off) this.#mask();
    else this.#tryUnmask();
  }

  /** The function sleeps: the line is masked until it wakes. */
  sleep(): void {
    if (this.#enabled === undefined || this.#enabled.masked) return;
    this.#asleep = true;
    this.#mask();
  }

  wake(): void {
    if (!this.#asleep) return;
    this.#asleep = false;
    this.#tryUnmask();
  }

  /** Action TRIGGER; no mode but this one is active. Errors: EINVAL, EBADF. */
  trigger(set: IrqSet, call: EventfdSource): Result {
    const enabled = this.#enabled;
    if (enabled !== undefined && set.count === 0 && set.kind === 'none') return this.disable();
    assertOne(set);
    if (set.kind === 'eventfd') {
      const descriptor = descriptorAt(set, 0);
      const counter = descriptor < 0 ? undefined : call.eventfd(descriptor);
      if (enabled !== undefined) enabled.counter = counter;
      else this.#enable(counter);
      return undefined;
    }
    if (enabled === undefined) throw invalid('INTx is not enabled');
    if (isMeant(set, 0) && !this.#off) enabled.counter?.signal();
    return undefined;
  }

  /** Actions MASK and UNMASK. Errors: EINVAL, ENOTTY (no counter masks), EBUSY (one unmasks already), EBADF. */
  mask(set: IrqSet, call: EventfdSource): Result {
    if (this.#enabled === undefined) throw invalid('INTx is not enabled');
    assertOne(set);
    const masking = set.action === 'mask';
    if (set.kind !== 'eventfd') {
      if (!isMeant(set, 0)) return undefined;
      if (masking) this.#mask();
      else this.#tryUnmask();
      return undefined;
    }
    if (masking) throw new MediatedError('ENOTTY', 'no counter can mask INTx', { syscall: 'ioctl' });
    const descriptor = descriptorAt(set, 0);
    if (descriptor < 0) return this.#endUnmask();
    const handler = () => {
      this.#tryUnmask();
      return false;
    };
    this.#unmask.enable(call.eventfd(descriptor), { handler, failed: this.#failed });
    return undefined;
  }

  /** Resolves when the program's counter is acted on no more. */
  disable(): Result {
    this.#enabled = undefined;
    return this.#endUnmask();
  }

  /** After the last close. */
  forget(): void {
    this.#off = false;
    this.#asleep = false;
  }

  #enable(counter: InterruptCounter | undefined): void {
    this.#enabled = { counter, masked: this.#off };
    this.#hardware.change(COMMAND, 2, this.#off ? COMMAND_INTX_DISABLE : 0, COMMAND_INTX_DISABLE);
    this.#deliver();
  }

  #endUnmask(): Result {
    return this.#unmask.enabled ? this.#unmask.disable().then(() => undefined) : undefined;
  }

  #mask(): void {
    if (this.#enabled !== undefined) this.#enabled.masked = true;
    this.#hardware.change(COMMAND, 2, COMMAND_INTX_DISABLE);
  }

  /** A line that is still asserted stays masked and is signalled once more. */
  #tryUnmask(): void {
    const enabled = this.#enabled;
    if (this.#off || (enabled !== undefined && !enabled.masked)) return;
    if (enabled !== undefined && this.#asserted) {
      enabled.counter?.signal();
      return;
    }
    if (enabled !== undefined) enabled.masked = false;
    this.#hardware.change(COMMAND, 2, 0, COMMAND_INTX_DISABLE);
  }

  /** A level is signalled once, then masked until the program unmasks it. */
  #deliver(): void {
    const enabled = this.#enabled;
    if (!this.#asserted || enabled === undefined || enabled.masked) return;
    this.#mask();
    enabled.counter?.signal();
  }
}

function assertOne({ start, count }: IrqSet): void {
  if (start !== 0 || count !== 1) throw invalid('there is exactly one INTx');
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
