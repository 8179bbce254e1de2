/** A fixed order of descriptors to be waited for. Private to its thread. */
import { checked, EINTR, lastErrno, libc } from './libc.js';

/** struct pollfd: descriptor (4), what is awaited (2), what has come (2). */
const ENTRY_BYTES = 8;

export const READABLE = 1;
export const WRITABLE = 4;

export class PollSet {
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #count = 0;

  /** What is waited for from now on. */
  set(entries: readonly { readonly descriptor: number; readonly events: number }[]): void {
    this.#count = entries.length;
    this.#bytes = new Uint8Array(new ArrayBuffer(this.#count * ENTRY_BYTES));
    this.#view = new DataView(this.#bytes.buffer);
    for (const [at, { descriptor, events }] of entries.entries()) {
      this.#view.setInt32(at * ENTRY_BYTES, descriptor, true);
      this.#view.setInt16(at * ENTRY_BYTES + 4, events, true);
    }
  }

  /** Blocks until one of them is ready, or has failed, or so many milliseconds have passed (-1: for ever). How many are. */
  wait(milliseconds = -1): number {
    for (;;) {
      const ready = libc.poll(this.#bytes, this.#count, milliseconds);
      if (ready >= 0) return ready;
      if (lastErrno() !== EINTR) checked(ready, 'poll');
    }
  }
}
