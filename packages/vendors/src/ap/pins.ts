/**
 * Pages of the guest that a device has pinned for the notification bytes of its queues. Private to the device's thread.
 * A registration may be ended by any thread that holds the bus; then its serial number is no longer the queue's, and
 * `settle` unpins. Every operation of the device ends with that, and so does every announcement of the bus.
 */
import { isMediatedError } from '@mediated/core';
import type { ApMemory } from './ap-memory.js';
import type { NotificationPages } from './interrupts.js';
import { Queue } from './queue.js';

const PAGE_BYTES = 4096n;

/** What pins a device's pages. */
export interface PageAccess {
  pin(iova: bigint, pages: number, access: 'read-write'): readonly Uint8Array[];
  unpin(iova: bigint, pages: number): void;
}

interface Pin {
  readonly nib: bigint;
  readonly serial: number;
}

export class NotificationPins implements NotificationPages {
  readonly #ap: ApMemory;
  readonly #access: PageAccess;
  /** By APQN. */
  readonly #pins = new Map<number, Pin>();

  constructor(ap: ApMemory, access: PageAccess) {
    this.#ap = ap;
    this.#access = access;
  }

  pin(nib: bigint): boolean {
    try {
      return this.#access.pin(pageOf(nib), 1, 'read-write').length === 1;
    } catch (error) {
      if (isMediatedError(error)) return false;
      throw error;
    }
  }

  unpin(nib: bigint): void {
    this.#access.unpin(pageOf(nib), 1);
  }

  keep({ apqn }: Queue, nib: bigint, serial: number): void {
    this.settle();
    this.#pins.set(apqn, { nib, serial });
  }

  /** Unpins what belongs to no registration any more. */
  settle(): void {
    for (const [apqn, { nib, serial }] of this.#pins) {
      if (new Queue(this.#ap, apqn).serial === serial) continue;
      this.#pins.delete(apqn);
      this.unpin(nib);
    }
  }

  /** Queues whose notification byte lies in `size` bytes from `iova`. */
  within(iova: bigint, size: bigint): Queue[] {
    return [...this.#pins]
      .filter(([, { nib }]) => nib >= iova && nib < iova + size)
      .map(([apqn]) => new Queue(this.#ap, apqn));
  }
}

function pageOf(nib: bigint): bigint {
  return nib & ~(PAGE_BYTES - 1n);
}
