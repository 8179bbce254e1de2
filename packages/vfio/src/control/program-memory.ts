/**
 * What the control actor knows of the memory of programs: the pieces that a call names by address, and which pieces of
 * several calls are one. Private to the control thread. A piece that comes in two messages is two objects; devices are
 * handed each piece once, so the first object stands for all as long as somebody keeps it.
 */
import type { DmaClient, UserMemory } from '../iommu/client-memory.js';
import type { MemoryWindow } from './control-protocol.js';

/** Programs of one thread, at most. */
const PROGRAM_BITS = 16;

/** The thread of a program, by its number as an owner of mappings. */
export function threadOf(owner: number): number {
  return owner >>> PROGRAM_BITS;
}

/** Pieces of one thread by number. */
interface Pieces {
  readonly byNumber: Map<number, WeakRef<SharedArrayBuffer>>;
  /** With so many, those that nobody keeps any more are looked for. */
  sweepAt: number;
}

const LEAST_SWEEP = 64;

export class ProgramMemory {
  /** By the thread that has numbered it. */
  readonly #pieces = new Map<number, Pieces>();

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
    if (pieces === undefined) this.#pieces.set(thread, (pieces = { byNumber: new Map(), sweepAt: LEAST_SWEEP }));
    const { byNumber } = pieces;
    const known = byNumber.get(id)?.deref();
    if (known !== undefined) return known;
    if (byNumber.size >= pieces.sweepAt) {
      for (const [other, reference] of byNumber) if (reference.deref() === undefined) byNumber.delete(other);
      pieces.sweepAt = Math.max(LEAST_SWEEP, 2 * byNumber.size);
    }
    byNumber.set(id, new WeakRef(memory));
    return memory;
  }
}
