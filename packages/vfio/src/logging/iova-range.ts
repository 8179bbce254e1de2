/** A stretch of I/O address space, as DMA logging is asked for it. */

/** `length` bytes from `iova` on. */
export interface IovaRange {
  readonly iova: bigint;
  readonly length: bigint;
}
