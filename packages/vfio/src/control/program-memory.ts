/**
 * What the control actor knows of the memory of programs: the pieces that a call names by address, and which pieces of
 * several calls are one. Private to the control thread. A piece that comes in two messages is two objects; devices are
 * handed each piece once, so the first object stands for all as long as somebody keeps it.
 */
import type { DmaClient, UserMemory } from '../iommu/client-memory.js';
import type { MemoryWindow } from './control-protocol.js';

/** Programs of one thread, at most. */
const PROGRAM_BITS = 16;

export class ProgramMemory {
  /** By the thread that has numbered it. */
  readonly #pieces = new Map<number, Map<number, WeakRef<SharedArrayBuffer>>>();

  /** A program during one call. */
  client(thread: number, program: number, windows: readonly MemoryWindow[]): DmaClient {
    const find = (address: bigint, length: bigint) =>
      windows.find((window) => address >= window.address && address + length <= window.address + BigInt(window.length));
    return {
      owner: (thread << PROGRAM_BITS) | program,
      resolve: (address, length): UserMemory | undefined => {
        const window = find(address, length);
        if (window === undefined || window.id === 0) return undefined;
        const offset = window.offset + Number(address - window.address);
        return { memory: this.#piece(thread, window), offset };
      },
      userMemory: (address, length) => {
        const window = find(address, BigInt(length));
        if (window === undefined) return undefined;
        return new Uint8Array(window.memory, window.offset + Number(address - window.address), length);
      },
    };
  }

  /** A thread has died: it will number other pieces alike. */
  forget(thread: number): void {
    this.#pieces.delete(thread);
  }

  #piece(thread: number, { id, memory }: MemoryWindow): SharedArrayBuffer {
    let pieces = this.#pieces.get(thread);
    if (pieces === undefined) this.#pieces.set(thread, (pieces = new Map()));
    const known = pieces.get(id)?.deref();
    if (known !== undefined) return known;
    // What nobody keeps any more is swept out when pieces come, so that the table stays as small as what is in use.
    for (const [other, reference] of pieces) if (reference.deref() === undefined) pieces.delete(other);
    pieces.set(id, new WeakRef(memory));
    return memory;
  }
}
