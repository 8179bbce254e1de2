/**
 * The interrupts of a device, declared as data: GET_IRQ_INFO and SET_IRQS as most drivers serve them (spec/vfio-core
 * sections 14, 15 and 17). Made by a driver for each device; lives on the device's thread. A driver whose indexes depend on
 * each other (INTx or MSI, but not both) writes its own behind `readIrqSet`.
 */
import { MediatedError } from '@mediated/core';
import type { InterruptCounter } from '../interrupt-counter.js';
import { readArgument } from '../uapi/argument.js';
import { IRQ_INFO_BYTES, IRQ_INFO_FLAGS, irqInfo } from '../uapi/irq.js';
import { InterruptLine, type LineBehavior } from './interrupt-line.js';
import { descriptorAt, type IrqAction, type IrqSet, isMeant, readIrqSet } from './irq-set.js';
import { Virqfd } from './virqfd.js';

/** One index: interrupts of a kind. */
export interface InterruptIndex extends LineBehavior {
  /** How many interrupts the index has, possibly none. */
  readonly count: number;
  /** MASK and UNMASK are accepted. `automasked` implies it. */
  readonly maskable?: boolean;
  /** The number of bound interrupts is chosen once: told by a flag of GET_IRQ_INFO, and nothing else. */
  readonly noresize?: boolean;
}

/** What an ioctl knows of its caller; `IoctlCall` has it. */
export interface EventfdSource {
  eventfd(descriptor: number): InterruptCounter;
}

/** A line with the places of the counters by which a program masks and unmasks it. */
class Line extends InterruptLine {
  readonly virqfds = { mask: new Virqfd(), unmask: new Virqfd() };
}

/** Interrupt indexes of one device and their lines. */
export class DeviceInterrupts {
  readonly #indexes: readonly InterruptIndex[];
  readonly #lines: readonly (readonly Line[])[];
  readonly #failed: (error: unknown) => void;

  /** `failed` hears of errors that no caller can be told, those of acting on a program's counter. */
  constructor(indexes: readonly InterruptIndex[], failed: (error: unknown) => void) {
    this.#indexes = indexes;
    this.#failed = failed;
    this.#lines = indexes.map((index) => Array.from({ length: index.count }, () => new Line(index)));
  }

  /** How many indexes there are: `num_irqs` of GET_INFO. */
  get count(): number {
    return this.#indexes.length;
  }

  /** The interrupt happens. An interrupt that the device does not have is a RangeError. */
  raise(index: number, number = 0): void {
    this.line(index, number).raise();
  }

  line(index: number, number = 0): InterruptLine {
    return this.#line(index, number);
  }

  /** Serves GET_IRQ_INFO. Errors: EFAULT, EINVAL. */
  info(argument: Uint8Array): void {
    const { index } = readArgument(irqInfo, argument, IRQ_INFO_BYTES);
    const kind = this.#indexes[index];
    if (kind === undefined) throw new MediatedError('EINVAL', `no interrupt index ${index}`, { syscall: 'ioctl' });
    const flags =
      IRQ_INFO_FLAGS.eventfd |
      (isMaskable(kind) ? IRQ_INFO_FLAGS.maskable : 0) |
      (kind.automasked === true ? IRQ_INFO_FLAGS.automasked : 0) |
      (kind.noresize === true ? IRQ_INFO_FLAGS.noresize : 0);
    irqInfo.encode(argument, { flags, count: kind.count });
  }

  /**
   * Serves SET_IRQS. Either all interrupts of a call are bound or, when a descriptor is bad, none changes.
   * Errors: those of `readIrqSet`, ENOTTY (no action or several, MASK of what cannot be masked), EBADF and EINVAL
   * (descriptors), EBUSY (a program's counter for masking or unmasking is there already).
   */
  set(argument: Uint8Array, call: EventfdSource): void | Promise<void> {
    const set = readIrqSet(argument, this.#indexes.length, (index) => this.#indexes[index]?.count ?? 0);
    const { action } = set;
    if (action === undefined) throw new MediatedError('ENOTTY', 'not exactly one action', { syscall: 'ioctl' });
    if (action === 'trigger') return this.#trigger(set, call);
    if (!isMaskable(this.#indexes[set.index] as InterruptIndex)) {
      throw new MediatedError('ENOTTY', `interrupt index ${set.index} cannot be masked`, { syscall: 'ioctl' });
    }
    if (set.kind === 'eventfd') return this.#awaitCounters(set, action, call);
    for (const line of this.#meant(set)) line[action]();
  }

  /** Unbinds and unmasks everything, as at the last close; the lines are as new when it resolves. */
  async close(): Promise<void> {
    for (const lines of this.#lines) await disable(lines);
  }

  #trigger(set: IrqSet, call: EventfdSource): void | Promise<void> {
    const lines = this.#lines[set.index] as readonly Line[];
    if (set.kind === 'eventfd') return this.#bind(set, call);
    if (set.kind === 'none' && set.count === 0) return disable(lines);
    for (const line of this.#meant(set)) line.raise();
  }

  #bind(set: IrqSet, call: EventfdSource): void {
    const counters = countersOf(set, call);
    for (const [number, counter] of counters.entries()) this.#line(set.index, set.start + number).bind(counter);
  }

  #awaitCounters(set: IrqSet, action: Exclude<IrqAction, 'trigger'>, call: EventfdSource): void | Promise<void> {
    const places = countersOf(set, call).map((counter, number) => {
      const line = this.#line(set.index, set.start + number);
      return { line, counter, virqfd: line.virqfds[action] };
    });
    if (places.some(({ counter, virqfd }) => counter !== undefined && virqfd.enabled)) {
      throw new MediatedError('EBUSY', `something awaits a counter to ${action} already`, { syscall: 'ioctl' });
    }
    const removed = places.filter(({ counter }) => counter === undefined).map(({ virqfd }) => virqfd.disable());
    for (const { line, counter, virqfd } of places) {
      if (counter === undefined) continue;
      const handler = () => {
        line[action]();
        return false;
      };
      virqfd.enable(counter, { handler, failed: this.#failed });
    }
    if (removed.length > 0) return Promise.all(removed).then(() => {});
  }

  #meant(set: IrqSet): Line[] {
    const numbers = Array.from({ length: set.count }, (_, number) => number);
    return numbers.filter((number) => isMeant(set, number)).map((number) => this.#line(set.index, set.start + number));
  }

  #line(index: number, number: number): Line {
    const line = this.#lines[index]?.[number];
    if (line === undefined) throw new RangeError(`no interrupt ${number} of index ${index}`);
    return line;
  }
}

/** The counters that a set names, all of them before anything is changed; undefined: none. */
function countersOf(set: IrqSet, call: EventfdSource): (InterruptCounter | undefined)[] {
  return Array.from({ length: set.count }, (_, number) => {
    const descriptor = descriptorAt(set, number);
    return descriptor < 0 ? undefined : call.eventfd(descriptor);
  });
}

async function disable(lines: readonly Line[]): Promise<void> {
  for (const line of lines) line.reset();
  await Promise.all(lines.flatMap(({ virqfds }) => [virqfds.mask.disable(), virqfds.unmask.disable()]));
}

function isMaskable(index: InterruptIndex): boolean {
  return index.maskable === true || index.automasked === true;
}
