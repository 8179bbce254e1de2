/**
 * The address space of a program: memory at addresses of its own choosing, by which ioctls name it. Private to the
 * program's thread. What is shared (a `SharedArrayBuffer`, or a view of one) devices may reach by DMA; other memory is
 * lent for a call, as a copy that comes back.
 */
import type { MemoryWindow } from '../control/control-protocol.js';

/** Addresses begin here and at multiples of a page, like those of a process. Far below 2^53. */
const FIRST_ADDRESS = 0x7f00_0000_0000n;
const PAGE_BYTES = 4096n;
const NOTHING = new Uint8Array(0);

/** One piece of memory. */
interface Piece {
  readonly address: bigint;
  readonly length: number;
  /** Undefined: nobody has kept it. */
  bytes(): Uint8Array | undefined;
}

/** With so many pieces, those that nobody has kept are looked for. */
const LEAST_SWEEP = 64;

/** Memory lent for one call. */
export interface Loan {
  readonly window: MemoryWindow;
  /** The call is over: what it has written is in the program's memory. */
  giveBack(): void;
}

/** Numbers that this thread has given to memory, the same for all its programs. */
const numbers = new WeakMap<SharedArrayBuffer, number>();
let lastNumber = 0;
let lastProgram = 0;
let ofThread: AddressMap | undefined;

export class AddressMap {
  /** Number of the program among those of its thread. */
  readonly program = ++lastProgram;
  #pieces: Piece[] = [];
  #sweepAt = LEAST_SWEEP;
  readonly #addresses = new WeakMap<SharedArrayBuffer, bigint>();
  #next = FIRST_ADDRESS;

  /** Of what this thread does without a descriptor table. */
  static ofThread(): AddressMap {
    ofThread ??= new AddressMap();
    return ofThread;
  }

  /** Puts memory somewhere; returns its address, a multiple of 4096. It stays until `remove`. */
  place(memory: SharedArrayBuffer | Uint8Array): bigint {
    const bytes = memory instanceof Uint8Array ? memory : new Uint8Array(memory);
    return this.#place(bytes.length, () => bytes);
  }

  /** Where a whole buffer lies; puts it somewhere when it lies nowhere. It stays as long as somebody else keeps it. */
  addressOf(memory: SharedArrayBuffer): bigint {
    const known = this.#addresses.get(memory);
    if (known !== undefined) return known;
    const kept = new WeakRef(memory);
    const address = this.#place(memory.byteLength, () => {
      const alive = kept.deref();
      return alive === undefined ? undefined : new Uint8Array(alive);
    });
    this.#addresses.set(memory, address);
    return address;
  }

  #place(length: number, bytes: Piece['bytes']): bigint {
    if (this.#pieces.length >= this.#sweepAt) {
      this.#pieces = this.#pieces.filter((piece) => piece.bytes() !== undefined);
      this.#sweepAt = Math.max(LEAST_SWEEP, 2 * this.#pieces.length);
    }
    const address = this.#next;
    this.#pieces.push({ address, length, bytes });
    // A page is left free, so that no range holds two pieces.
    this.#next += ((BigInt(length) + PAGE_BYTES - 1n) & -PAGE_BYTES) + PAGE_BYTES;
    return address;
  }

  /** Forgets the memory at an address; what is mapped of it stays mapped. False: there is none. */
  remove(address: bigint): boolean {
    const at = this.#pieces.findIndex((piece) => piece.address === address);
    if (at === -1) return false;
    const memory = this.#pieces.splice(at, 1)[0]?.bytes()?.buffer;
    if (memory instanceof SharedArrayBuffer) this.#addresses.delete(memory);
    return true;
  }

  /** The program's memory at a range of addresses, itself; undefined: not all of it is there. */
  at(address: bigint, length: bigint): Uint8Array | undefined {
    for (const piece of this.#pieces) {
      const from = address - piece.address;
      if (from < 0n || from + length > BigInt(piece.length)) continue;
      return piece.bytes()?.subarray(Number(from), Number(from + length));
    }
    return undefined;
  }

  /** The program's memory from an address on, itself: as much of a range as there is. */
  prefix(address: bigint, length: number): Uint8Array {
    for (const piece of this.#pieces) {
      const from = address - piece.address;
      if (from < 0n || from >= BigInt(piece.length)) continue;
      return piece.bytes()?.subarray(Number(from), Number(from) + length) ?? NOTHING;
    }
    return NOTHING;
  }

  /** The shared memory at a range of addresses, for devices to reach: one window or none. */
  shared(address: bigint, length: bigint): MemoryWindow[] {
    const bytes = this.at(address, length);
    const memory = bytes?.buffer;
    if (bytes === undefined || !(memory instanceof SharedArrayBuffer)) return [];
    return [{ address, length: bytes.length, memory, offset: bytes.byteOffset, id: numberOf(memory) }];
  }

  /** Lends memory for a call; undefined: not all of it is there. */
  lend(address: bigint, length: bigint): Loan | undefined {
    const [window] = this.shared(address, length);
    if (window !== undefined) return { window, giveBack() {} };
    const bytes = this.at(address, length);
    if (bytes === undefined) return undefined;
    const memory = new SharedArrayBuffer(bytes.length);
    const copy = new Uint8Array(memory);
    copy.set(bytes);
    return { window: { address, length: bytes.length, memory, offset: 0, id: 0 }, giveBack: () => bytes.set(copy) };
  }
}

function numberOf(memory: SharedArrayBuffer): number {
  let number = numbers.get(memory);
  if (number === undefined) numbers.set(memory, (number = ++lastNumber));
  return number;
}
