/**
 * The bitmap of a program in which a device reports what it has written: bit i stands for the page at
 * `iova + i * pageSize` (spec/vfio-core section 13). Made by `serve-logging.ts` for one report. Bits are only ever set.
 */
import type { IovaRange } from './iova-range.js';

export class DirtyBitmap {
  readonly #bytes: Uint8Array;
  readonly #range: IovaRange;
  readonly #shift: bigint;

  /** Bytes that a range's bitmap takes: words of 64 bits. `pageSize` is a power of two. */
  static bytesFor({ length }: IovaRange, pageSize: bigint): bigint {
    return (((length + pageSize - 1n) / pageSize + 63n) / 64n) * 8n;
  }

  /** `bytes`: as many as {@link bytesFor} says. */
  constructor(bytes: Uint8Array, range: IovaRange, pageSize: bigint) {
    this.#bytes = bytes;
    this.#range = range;
    this.#shift = BigInt(pageSize.toString(2).length - 1);
  }

  /** Marks the pages of `length` bytes from `iova` on, as far as they lie in the range of the report. */
  set(iova: bigint, length: bigint): void {
    const { iova: start, length: size } = this.#range;
    if (iova + length <= start || iova >= start + size || length === 0n) return;
    const first = iova < start ? 0n : iova - start;
    const last = iova + length > start + size ? size - 1n : iova + length - 1n - start;
    this.#mark(Number(first >> this.#shift), Number(last >> this.#shift));
  }

  #mark(first: number, last: number): void {
    const bytes = this.#bytes;
    const [firstByte, lastByte] = [Math.floor(first / 8), Math.floor(last / 8)];
    const head = (0xff << (first % 8)) & 0xff;
    const tail = 0xff >> (7 - (last % 8));
    if (firstByte === lastByte) {
      bytes[firstByte] = (bytes[firstByte] as number) | (head & tail);
      return;
    }
    bytes[firstByte] = (bytes[firstByte] as number) | head;
    bytes.fill(0xff, firstByte + 1, lastByte);
    bytes[lastByte] = (bytes[lastByte] as number) | tail;
  }
}
