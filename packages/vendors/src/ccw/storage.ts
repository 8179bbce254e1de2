/**
 * Addresses as the channel sees them: what a translated channel program lies at, and the guest's pinned pages. Each
 * channel program has a storage of its own, filled when it is translated, read by the emulated channel, emptied when it
 * is freed; a channel that still looks for something then finds nothing. Thread-private.
 */

const PAGE = 4096;

/** Programs lie above this and below 2 GiB, because CCWs have 31-bit addresses; pinned pages above 4 GiB. */
const FIRST_BLOCK = 0x10000;
const FIRST_PAGE = 2 ** 32;

export class HostStorage {
  readonly #pages = new Map<number, Uint8Array>();
  #nextBlock = FIRST_BLOCK;
  #nextPage = FIRST_PAGE;

  /** Where the next block will lie. */
  get next(): number {
    return this.#nextBlock;
  }

  /** Places `bytes`, themselves, at an address below 2 GiB, which it returns. */
  place(bytes: Uint8Array): number {
    const address = this.#nextBlock;
    for (let at = 0; at < bytes.length; at += PAGE) {
      this.#pages.set((address + at) / PAGE, bytes.subarray(at, at + PAGE));
    }
    this.#nextBlock += Math.ceil(bytes.length / PAGE) * PAGE;
    return address;
  }

  /** Gives a pinned page an address. */
  adopt(page: Uint8Array): number {
    const address = this.#nextPage;
    this.#pages.set(address / PAGE, page);
    this.#nextPage += PAGE;
    return address;
  }

  /** The bytes from `address` on, at most `length` and not beyond their page; undefined: there are none. */
  at(address: number, length: number): Uint8Array | undefined {
    const offset = address % PAGE;
    const bytes = this.#pages.get((address - offset) / PAGE)?.subarray(offset, offset + length);
    return bytes?.length === 0 ? undefined : bytes;
  }

  clear(): void {
    this.#pages.clear();
    this.#nextBlock = FIRST_BLOCK;
    this.#nextPage = FIRST_PAGE;
  }
}
