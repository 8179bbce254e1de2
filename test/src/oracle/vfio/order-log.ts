/**
 * What a driver's thread has done, in its order, for the main thread to read: names in shared memory. Written by the
 * traced driver on its one thread (`traced-driver.fixture.ts`), read by `replay-order.ts` while that thread is idle.
 */
const LENGTH = 0;
const HEADER_BYTES = 4;

export class OrderLog {
  readonly buffer: SharedArrayBuffer;
  readonly #length: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(2 ** 16)) {
    this.buffer = buffer;
    this.#length = new Int32Array(buffer, 0, 1);
    this.#bytes = new Uint8Array(buffer, HEADER_BYTES);
  }

  write(event: string): void {
    const at = Atomics.load(this.#length, LENGTH);
    this.#bytes.set(Buffer.from(`${event}\n`), at);
    Atomics.store(this.#length, LENGTH, at + event.length + 1);
  }

  /** The events since the last call. */
  take(): string[] {
    const length = Atomics.exchange(this.#length, LENGTH, 0);
    return Buffer.from(this.#bytes.slice(0, length)).toString().split('\n').slice(0, -1);
  }
}
