/**
 * What the IOMMU must know of the program that calls it: its address space. Addresses are numbers to this house; which
 * memory lies behind them is what the program has registered. Implemented by the client's side of a container file.
 */

/** Where user addresses lie. */
export interface UserMemory {
  readonly memory: SharedArrayBuffer;
  /** Byte of `memory`. */
  readonly offset: number;
}

/** The calling program. */
export interface DmaClient {
  /** Names the program among those that use the container: a small number, 0 if there is but one. */
  readonly owner: number;
  /** The memory behind a whole range of its addresses; undefined if it has not registered one piece that holds it. */
  resolve(vaddr: bigint, length: bigint): UserMemory | undefined;
  /** A range of its memory to be read or written now; undefined is EFAULT. */
  userMemory(vaddr: bigint, length: number): Uint8Array | undefined;
}
