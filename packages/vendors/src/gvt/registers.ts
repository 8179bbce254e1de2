/**
 * What lies behind BAR0 of a vGPU: the image of its registers with the page by which host and guest know each other, and
 * its part of the global page table (gvt section 6). What registers do is up to the driver's hooks. Called by the vGPU,
 * one access of 1, 2 or 4 bytes at a time.
 */
import { type Hardware, MEGABYTE, PAGE_BYTES } from './hardware.js';
import type { Share } from './resources.js';

/** Bytes of BAR0. */
export const BAR0_BYTES = 16 * MEGABYTE;
/** Bytes of registers at its beginning. */
const MMIO_BYTES = 2 * MEGABYTE;
const TABLE_OFFSET = 8 * MEGABYTE;
const ENTRY_BYTES = 8;
/** Registers below this are the engines'. */
const ENGINE_REGISTERS = 0x44200;
/** Fence registers, 8 bytes each, of the vGPU's own numbering. */
const FENCE_REGISTERS = 0x100000;
const FENCE_BYTES = 8;

const PV_INFO = 0x78000;
const PV_BYTES = PAGE_BYTES;
const MAGIC = 0x4776544776544776n;
const CAPABILITIES = 0x1c;
/** Words of the page that are nobody's: a guest that writes them does not know the protocol. */
const RESERVED_START = PV_INFO + 0x808;
const RESERVED_END = PV_INFO + 0x818;

/** What a driver that emulates registers brings; absent: a register is memory. */
export interface RegisterHooks {
  /** Fills `into` from the image or otherwise; false: refuse the access (EFAULT). */
  readRegister?(offset: number, into: Uint8Array, image: Uint8Array): boolean;
  writeRegister?(offset: number, bytes: Uint8Array, image: Uint8Array): boolean;
  /** An entry of the guest's page table has changed: its page of graphics memory, its value. */
  writeTableEntry?(page: number, entry: bigint): void;
}

export class Registers {
  readonly image = new Uint8Array(MMIO_BYTES);
  readonly #view = new DataView(this.image.buffer);
  readonly #share: Share;
  readonly #tableBytes: number;
  readonly #hooks: RegisterHooks;
  readonly #snapshot: Uint8Array | undefined;
  /** Entries that are not 0, by page of graphics memory. */
  readonly #table = new Map<number, bigint>();
  /** The guest broke the protocol: until a reset, registers are plain memory. */
  failsafe = false;

  /** `snapshot`: what firmware has left in the registers, from offset 0 on. */
  constructor(share: Share, { total }: Hardware, hooks: RegisterHooks, snapshot: Uint8Array | undefined) {
    this.#share = share;
    this.#tableBytes = (total / PAGE_BYTES) * ENTRY_BYTES;
    this.#hooks = hooks;
    this.#snapshot = snapshot?.subarray(0, MMIO_BYTES);
    this.reset();
  }

  /** As after creation. */
  reset(): void {
    this.#restore(MMIO_BYTES);
    const fences = FENCE_BYTES * this.#share.fences.length;
    this.image.fill(0, FENCE_REGISTERS, FENCE_REGISTERS + fences);
    this.#table.clear();
    this.failsafe = false;
  }

  /** All engines were reset by the guest: their registers and the page are as after creation. */
  resetEngines(): void {
    this.#restore(ENGINE_REGISTERS);
  }

  /** False: neither a register nor an entry of the page table, or refused by the hook. */
  read(offset: number, into: Uint8Array): boolean {
    if (offset + into.length <= MMIO_BYTES) {
      const { readRegister } = this.#hooks;
      if (!this.failsafe && readRegister !== undefined) return readRegister.call(this.#hooks, offset, into, this.image);
      into.set(this.image.subarray(offset, offset + into.length));
      return true;
    }
    if (!this.#isEntry(offset, into.length)) return false;
    const half = (this.entry(pageAt(offset)) >> shiftAt(offset)) & 0xffff_ffffn;
    new DataView(into.buffer, into.byteOffset).setUint32(0, Number(half), true);
    return true;
  }

  /** False: as for `read`. */
  write(offset: number, bytes: Uint8Array): boolean {
    if (offset + bytes.length <= MMIO_BYTES) {
      if (offset < RESERVED_END && offset + bytes.length > RESERVED_START) this.failsafe = true;
      const { writeRegister } = this.#hooks;
      if (!this.failsafe && writeRegister !== undefined) {
        return writeRegister.call(this.#hooks, offset, bytes, this.image);
      }
      this.image.set(bytes, offset);
      return true;
    }
    if (!this.#isEntry(offset, bytes.length)) return false;
    this.#writeEntry(offset, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));
    return true;
  }

  /** The entry for a page of graphics memory. */
  entry(page: number): bigint {
    return this.#table.get(page) ?? 0n;
  }

  #isEntry(offset: number, length: number): boolean {
    return length === 4 && offset >= TABLE_OFFSET && offset + length <= TABLE_OFFSET + this.#tableBytes;
  }

  /** A guest may write the whole table; what is not for its own memory is not kept. */
  #writeEntry(offset: number, half: number): void {
    const page = pageAt(offset);
    const address = page * PAGE_BYTES;
    const { low, high } = this.#share;
    if (![low, high].some(({ start, size }) => address >= start && address < start + size)) return;
    const shift = shiftAt(offset);
    const entry = (this.entry(page) & ~(0xffff_ffffn << shift)) | (BigInt(half) << shift);
    if (entry === 0n) this.#table.delete(page);
    else this.#table.set(page, entry);
    this.#hooks.writeTableEntry?.(page, entry);
  }

  #restore(end: number): void {
    this.image.fill(0, 0, end);
    if (this.#snapshot !== undefined) this.image.set(this.#snapshot.subarray(0, end));
    this.#fillPvInfo();
  }

  #fillPvInfo(): void {
    const { id, low, high, fences } = this.#share;
    this.image.fill(0, PV_INFO, PV_INFO + PV_BYTES);
    this.#view.setBigUint64(PV_INFO, MAGIC, true);
    // Version 1.0.
    this.#view.setUint16(PV_INFO + 8, 1, true);
    const words: [offset: number, value: number][] = [
      [0x0c, id],
      [0x10, CAPABILITIES],
      [0x40, low.start],
      [0x44, low.size],
      [0x48, high.start],
      [0x4c, high.size],
      [0x50, fences.length],
      // Hot spot of the cursor: not known.
      [0x830, 0xffffffff],
      [0x834, 0xffffffff],
    ];
    for (const [offset, value] of words) this.#view.setUint32(PV_INFO + offset, value, true);
  }
}

function pageAt(offset: number): number {
  return Math.floor((offset - TABLE_OFFSET) / ENTRY_BYTES);
}

function shiftAt(offset: number): bigint {
  return offset % ENTRY_BYTES === 0 ? 0n : 32n;
}
