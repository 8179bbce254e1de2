/**
 * The interrupts that the objects of a container share (spec/vendors/platform-fsl B5): populated with the first SET_IRQS that needs
 * one, emptied with the last object that has one, on whatever threads these are.
 *
 * Owner rules. POPULATED, how many interrupts there are: under the mutex of the container's device set. Each word of POOL,
 * the place of the object that has the interrupt plus one: 0 to that under the same mutex, back to 0 by the object's
 * thread, or by the supervising thread when that has died, which takes no mutex; a pool that is left without holders so
 * stays populated until the next close.
 */
import { MediatedError } from '@mediated/core';
import type { McRecords } from './mc-records.js';
import { MAX_POOL, type McNode } from './mc-spec.js';

export class IrqPool {
  readonly #words: Int32Array;
  readonly #populated: number;
  readonly #first: number;
  readonly #node: McNode;

  /** The pool of a node's container, as that node uses it. */
  constructor(records: McRecords, node: McNode) {
    const { words, populated, first } = records.poolAt(node);
    this.#words = words;
    this.#populated = populated;
    this.#first = first;
    this.#node = node;
  }

  /** Interrupts in the pool; 0 when it is not populated. */
  get size(): number {
    return Atomics.load(this.#words, this.#populated);
  }

  /** Those that nobody has. */
  get free(): number {
    return this.#holders().filter((holder) => holder === 0).length;
  }

  /** Fills an empty pool. What the container's description says goes wrong. With the set's mutex held. */
  populate(): void {
    if (this.size !== 0) return;
    const { irqPool = MAX_POOL, faults } = this.#node.containerSpec;
    if (faults?.irqPool !== undefined) {
      throw new MediatedError(faults.irqPool, `the interrupts of the container of ${this.#node.name} cannot be had`);
    }
    Atomics.store(this.#words, this.#populated, irqPool);
  }

  /** Takes all interrupts of the object. ENOSPC: there are fewer, and none is taken. With the set's mutex held. */
  allocate(): void {
    const { name, irqs, place } = this.#node;
    let wanted = irqs.length;
    for (let irq = 0; irq < this.size && wanted > 0; irq++) {
      if (Atomics.compareExchange(this.#words, this.#first + irq, 0, place + 1) === 0) wanted--;
    }
    if (wanted === 0) return;
    this.release();
    throw new MediatedError('ENOSPC', `${name} has ${irqs.length} interrupts, ${wanted} more than are free`);
  }

  /** Gives back all interrupts of the object. */
  release(): void {
    const { place } = this.#node;
    for (let irq = 0; irq < MAX_POOL; irq++) {
      Atomics.compareExchange(this.#words, this.#first + irq, place + 1, 0);
    }
  }

  /** Empties the pool, unless somebody has an interrupt of it. With the set's mutex held. */
  emptyIfUnused(): void {
    if (this.free === this.size) Atomics.store(this.#words, this.#populated, 0);
  }

  #holders(): number[] {
    return Array.from({ length: this.size }, (_, irq) => Atomics.load(this.#words, this.#first + irq));
  }
}
