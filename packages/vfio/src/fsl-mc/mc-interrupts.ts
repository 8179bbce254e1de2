/**
 * Interrupts of an fsl-mc object: GET_IRQ_INFO and SET_IRQS (spec/vendors/platform-fsl B5). Each index is one interrupt.
 * On the object's thread; SET_IRQS calls of an object exclude each other, as under its `igate`, and take the mutex of the
 * device set for what the container's objects share.
 */
import { MediatedError } from '@mediated/core';
import type { Mutex } from '@mediated/core/sync';
import { Turns } from '../control/turns.js';
import type { InterruptCounter } from '../interrupt-counter.js';
import type { EventfdSource } from '../irqs/device-interrupts.js';
import { descriptorAt, type IrqSet, isMeant, readIrqSet } from '../irqs/irq-set.js';
import { readArgument } from '../uapi/argument.js';
import { IRQ_INFO_BYTES, IRQ_INFO_FLAGS, IRQ_SET_FLAGS, irqInfo, irqSet } from '../uapi/irq.js';
import { underMutex } from '../under-mutex.js';
import type { IrqPool } from './irq-pool.js';
import type { McIrqSpec } from './mc-spec.js';

export class McInterrupts {
  readonly #irqs: readonly McIrqSpec[];
  readonly #pool: IrqPool;
  readonly #setMutex: () => Mutex;
  readonly #gate = new Turns();
  readonly #counters: (InterruptCounter | undefined)[];
  #allocated = false;

  /** `setMutex`: that of the object's device set, which it has from its registration on. */
  constructor(irqs: readonly McIrqSpec[], pool: IrqPool, setMutex: () => Mutex) {
    this.#irqs = irqs;
    this.#pool = pool;
    this.#setMutex = setMutex;
    this.#counters = irqs.map(() => undefined);
  }

  get count(): number {
    return this.#irqs.length;
  }

  /** Serves GET_IRQ_INFO. EFAULT, EINVAL. */
  info(argument: Uint8Array): void {
    const { index } = readArgument(irqInfo, argument, IRQ_INFO_BYTES);
    if (index >= this.count) throw invalid(`there is no irq ${index}`);
    irqInfo.encode(argument, { flags: IRQ_INFO_FLAGS.eventfd, count: 1 });
  }

  /**
   * Serves SET_IRQS. Errors: those of `readIrqSet`, with the number of indexes for that of interrupts of each; EINVAL (not
   * TRIGGER, other than one interrupt from 0); what populating the pool answers; ENOSPC (the pool has too few left);
   * EBADF, EINVAL (descriptors), what requesting the line answers: these leave the interrupt unbound.
   */
  set(argument: Uint8Array, call: EventfdSource): void | Promise<void> {
    const set = readIrqSet(argument, this.count, () => this.count);
    const { flags } = irqSet.decode(argument);
    return this.#gate.take(() => {
      if ((flags & IRQ_SET_FLAGS.trigger) === 0) throw invalid('it can only trigger');
      if (set.kind === 'none' && set.count === 0) return this.#unbind(set.index);
      const { start, count, index } = set;
      if (start !== 0 || count !== 1) throw invalid(`irq ${index} is one interrupt, not ${count} from ${start}`);
      const taken = underMutex(this.#setMutex(), () => this.#take());
      return taken instanceof Promise ? taken.then(() => this.#trigger(set, call)) : this.#trigger(set, call);
    });
  }

  /** The interrupt happens: signals what it is bound to. */
  raise(irq: number): void {
    this.#counters[irq]?.signal();
  }

  /** Last close, with the set's mutex held: unbinds all and gives the object's interrupts back to the pool. */
  close(): void {
    this.#counters.fill(undefined);
    if (this.#allocated) this.#pool.release();
    this.#allocated = false;
    this.#pool.emptyIfUnused();
  }

  #take(): void {
    this.#pool.populate();
    if (this.#allocated) return;
    this.#pool.allocate();
    this.#allocated = true;
  }

  #trigger(set: IrqSet, call: EventfdSource): void {
    const { index } = set;
    if (set.kind !== 'eventfd') {
      if (isMeant(set, 0)) this.raise(index);
      return;
    }
    this.#unbind(index);
    const descriptor = descriptorAt(set, 0);
    if (descriptor < 0) return;
    const counter = call.eventfd(descriptor);
    const { requestError } = this.#irqs[index] as McIrqSpec;
    if (requestError !== undefined) throw new MediatedError(requestError, `irq ${index} cannot be had`);
    this.#counters[index] = counter;
  }

  #unbind(index: number): void {
    this.#counters[index] = undefined;
  }
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
