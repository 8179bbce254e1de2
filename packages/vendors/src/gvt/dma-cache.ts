/**
 * Guest pages that a vGPU has mapped for the GPU (gvt section 9). Called by the driver's hooks and by the device, on the
 * device's thread; nothing here waits, so no lock is needed.
 */
import { MediatedError } from '@mediated/core';
import type { VfioDevice } from '@mediated/vfio';
import { PAGE_BYTES } from './hardware.js';

interface Entry {
  readonly frame: number;
  readonly address: bigint;
  readonly pages: number;
  readonly memory: Uint8Array;
  references: number;
}

/** What pins a device's pages. */
export type PageAccess = Pick<VfioDevice['dma'], 'pin' | 'unpin'>;

export class DmaCache {
  readonly #access: PageAccess;
  readonly #isAttached: () => boolean;
  readonly #byFrame = new Map<number, Entry>();
  readonly #byAddress = new Map<bigint, Entry>();
  #nextAddress = BigInt(PAGE_BYTES);

  /** `isAttached`: whether a virtual machine is connected, without which nothing is mapped. */
  constructor(access: PageAccess, isAttached: () => boolean) {
    this.#access = access;
    this.#isAttached = isAttached;
  }

  /** Entries. */
  get size(): number {
    return this.#byFrame.size;
  }

  /**
   * Maps `pages` pages from a guest frame on for the GPU; returns their DMA address. Mapping the same again counts;
   * mapping another number of pages from the same frame on replaces what was mapped.
   * Errors: EINVAL (not attached, several pages that do not adjoin each other in memory), those of pinning.
   */
  map(frame: number, pages = 1): bigint {
    if (!this.#isAttached()) throw new MediatedError('EINVAL', 'no virtual machine is attached');
    const known = this.#byFrame.get(frame);
    if (known?.pages === pages) {
      known.references++;
      return known.address;
    }
    if (known !== undefined) this.#drop(known);
    const memory = this.#pin(frame, pages);
    const address = this.#nextAddress;
    this.#nextAddress += BigInt(pages * PAGE_BYTES);
    const entry = { frame, address, pages, memory, references: 1 };
    this.#byFrame.set(frame, entry);
    this.#byAddress.set(address, entry);
    return address;
  }

  /** The memory behind a DMA address; undefined when it is not mapped. */
  memory(address: bigint): Uint8Array | undefined {
    return this.#byAddress.get(address)?.memory;
  }

  /** Takes one mapping of an address back; the last unpins. An address that is not mapped is ignored. */
  unmap(address: bigint): void {
    const entry = this.#byAddress.get(address);
    if (entry !== undefined && --entry.references === 0) this.#drop(entry);
  }

  /** Guest memory goes: entries that begin there are unpinned, however often they were mapped. */
  invalidate(iova: bigint, size: bigint): void {
    for (const entry of [...this.#byFrame.values()]) {
      const start = addressOf(entry.frame);
      if (start >= iova && start < iova + size) this.#drop(entry);
    }
  }

  /** Unpins everything. */
  clear(): void {
    for (const entry of [...this.#byFrame.values()]) this.#drop(entry);
  }

  #pin(frame: number, pages: number): Uint8Array {
    const views = this.#access.pin(addressOf(frame), pages, 'read-write');
    const [first] = views;
    const adjoins = (view: Uint8Array, i: number) =>
      view.buffer === first?.buffer && view.byteOffset === first.byteOffset + i * PAGE_BYTES;
    if (first !== undefined && views.every(adjoins)) {
      return new Uint8Array(first.buffer, first.byteOffset, pages * PAGE_BYTES);
    }
    this.#access.unpin(addressOf(frame), pages);
    throw new MediatedError('EINVAL', `the ${pages} pages from frame ${frame} on do not adjoin each other`);
  }

  #drop(entry: Entry): void {
    this.#byFrame.delete(entry.frame);
    this.#byAddress.delete(entry.address);
    this.#access.unpin(addressOf(entry.frame), entry.pages);
  }
}

function addressOf(frame: number): bigint {
  return BigInt(frame) * BigInt(PAGE_BYTES);
}
