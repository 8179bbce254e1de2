/** Memory of a program that plays the machine: a file that a device's process maps, and a view of it. */
import type { Descriptor, Ledger } from '../native/ledger.js';
import { createMemoryFile } from '../native/memory-file.js';
import { pageAlignedMemory } from '@mediated/vfio';
import { coverWithFile, PAGE_BYTES, uncover } from '../native/shared-pages.js';

export class GuestMemory {
  readonly file: Descriptor;
  /** The memory itself. After `close` it shows zeros. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly #ledger: Ledger;
  #open = true;

  private constructor(file: Descriptor, bytes: Uint8Array<SharedArrayBuffer>, ledger: Ledger) {
    this.file = file;
    this.bytes = bytes;
    this.#ledger = ledger;
  }

  /** `length`: a multiple of 4096, at most a gigabyte. */
  static create(length: number, ledger: Ledger): GuestMemory {
    const file = createMemoryFile('guest memory', length, ledger);
    return GuestMemory.map(file, 0, length, ledger);
  }

  /** Maps a part of a file, which is the memory's to close from then on. */
  static map(file: Descriptor, position: number, length: number, ledger: Ledger): GuestMemory {
    const bytes = pageAlignedMemory(length);
    const whole = Math.ceil(length / PAGE_BYTES) * PAGE_BYTES;
    coverWithFile(bytes.buffer, 0, { descriptor: file.number, position, length: whole, writable: true }, ledger);
    return new GuestMemory(file, bytes, ledger);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    uncover(this.bytes.buffer, 0, Math.ceil(this.bytes.length / PAGE_BYTES) * PAGE_BYTES, this.#ledger);
    this.file.close();
  }
}
