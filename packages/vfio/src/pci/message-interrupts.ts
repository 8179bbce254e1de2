/**
 * The message interrupts of a PCI function, MSI or MSI-X (spec/pci section 6): vectors that the host has given and the
 * counters that a program has bound to them. Part of `pci-interrupts.ts`; private to the function's thread; nothing waits.
 */
import { MediatedError } from '@mediated/core';
import type { EventfdSource } from '../irqs/device-interrupts.js';
import { descriptorAt, type IrqSet, isMeant } from '../irqs/irq-set.js';
import type { InterruptCounter } from '../interrupt-counter.js';
import { PCI_IRQS } from '../uapi/pci.js';
import type { ConfigHardware } from './config-hardware.js';
import { CAPABILITY, MSI_ENABLE, MSI_FLAGS, MSIX_ENABLE, MSIX_FLAGS } from './registers.js';

export type MessageIndex = typeof PCI_IRQS.msi | typeof PCI_IRQS.msix;

interface MessageMode {
  readonly index: MessageIndex;
  /** Vectors that the host has given. */
  readonly allocated: Set<number>;
  readonly counters: Map<number, InterruptCounter>;
}

export class MessageInterrupts {
  readonly #hardware: ConfigHardware;
  readonly #hostVectors: number;
  #mode: MessageMode | undefined;
  #msiMost = 0;

  /** `hostVectors`: how many the host can give. */
  constructor(hardware: ConfigHardware, hostVectors: number) {
    this.#hardware = hardware;
    this.#hostVectors = hostVectors;
  }

  /** The index that is active. */
  get active(): MessageIndex | undefined {
    return this.#mode?.index;
  }

  /** log2 of the vectors of the last MSI enable, rounded up; survives closing (section 3.5). */
  get msiMost(): number {
    return this.#msiMost;
  }

  /** The device sends a message; lost where no program takes it. */
  send(vector: number): void {
    this.#mode?.counters.get(vector)?.signal();
  }

  /**
   * Action TRIGGER of an index with `vectors`, while no other mode is active. A positive result: so many vectors are
   * available, fewer than asked for; nothing is enabled. Errors: EINVAL, EBADF, ENOSPC (the host has none left).
   */
  trigger(set: IrqSet, index: MessageIndex, vectors: number, call: EventfdSource): number | undefined {
    const mode = this.#mode;
    if (mode !== undefined && set.count === 0 && set.kind === 'none') {
      this.disable();
      return undefined;
    }
    if (set.kind === 'eventfd') {
      if (mode === undefined) return this.#enable(set, index, vectors, call);
      this.#bindBlock(mode, set, call);
      return undefined;
    }
    if (mode === undefined) throw invalid('the mode is not enabled');
    for (let i = 0; i < set.count; i++) if (isMeant(set, i)) mode.counters.get(set.start + i)?.signal();
    return undefined;
  }

  disable(): void {
    if (this.#mode === undefined) return;
    this.#switch(this.#mode.index, false);
    this.#mode = undefined;
  }

  #enable(set: IrqSet, index: MessageIndex, vectors: number, call: EventfdSource): number | undefined {
    const wanted = set.start + set.count;
    const available = Math.min(this.#hostVectors, vectors);
    if (available === 0) throw noVectors();
    if (wanted > available) return available;
    const allocated = new Set(Array.from({ length: wanted }, (_, vector) => vector));
    const mode: MessageMode = { index, allocated, counters: new Map() };
    this.#mode = mode;
    this.#switch(index, true);
    if (index === PCI_IRQS.msi) this.#msiMost = Math.floor(Math.log2(Math.max(1, 2 * wanted - 1)));
    try {
      this.#bindBlock(mode, set, call);
    } catch (error) {
      this.disable();
      throw error;
    }
    return undefined;
  }

  /** When a vector fails, those of this call that came before it are unbound as well; the others stay as they were. */
  #bindBlock(mode: MessageMode, set: IrqSet, call: EventfdSource): void {
    for (let i = 0; i < set.count; i++) {
      try {
        this.#bind(mode, set.start + i, descriptorAt(set, i), call);
      } catch (error) {
        for (let done = 0; done <= i; done++) mode.counters.delete(set.start + done);
        throw error;
      }
    }
  }

  #bind(mode: MessageMode, vector: number, descriptor: number, call: EventfdSource): void {
    mode.counters.delete(vector);
    if (descriptor < 0) return;
    if (!mode.allocated.has(vector)) {
      if (mode.index === PCI_IRQS.msi) throw invalid(`vector ${vector} was not allocated when MSI was enabled`);
      if (mode.allocated.size >= this.#hostVectors) throw noVectors();
      mode.allocated.add(vector);
    }
    mode.counters.set(vector, call.eventfd(descriptor));
  }

  #switch(index: MessageIndex, on: boolean): void {
    const [at, bit] =
      index === PCI_IRQS.msi
        ? [this.#hardware.find(CAPABILITY.msi) + MSI_FLAGS, MSI_ENABLE]
        : [this.#hardware.find(CAPABILITY.msix) + MSIX_FLAGS, MSIX_ENABLE];
    this.#hardware.change(at, 2, on ? bit : 0, bit);
  }
}

function noVectors(): MediatedError {
  return new MediatedError('ENOSPC', 'the host has no vectors left', { syscall: 'ioctl' });
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
