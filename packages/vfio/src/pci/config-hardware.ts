/**
 * The configuration registers of an emulated function ("hw" in spec/pci): bytes, which bits a write changes, what a reset
 * leaves. Private to the function's thread. Built from a description (`function-spec.ts`); the device's side and the host
 * read and write it, programs only through `config-space.ts`.
 */
import type { BarSpec, FunctionSpec } from './function-spec.js';
import { readNumber, writeNumber } from './little-endian.js';
import {
  AF_CAPABILITIES,
  AF_FLR_CAPABLE,
  AF_TRANSACTIONS_PENDING,
  BAR0,
  CAPABILITY,
  CAPABILITY_POINTER,
  COMMAND,
  COMMAND_IO,
  COMMAND_MEMORY,
  COMMAND_WRITABLE,
  CONFIG_BYTES,
  EXPRESS_CAPABILITIES,
  EXPRESS_CONTROL,
  EXPRESS_FLR_CAPABLE,
  EXPRESS_READ_REQUEST,
  EXTENDED_CONFIG_BYTES,
  HEADER_BYTES,
  INTERRUPT_LINE,
  INTERRUPT_PIN,
  MSI_64BIT,
  MSI_FLAGS,
  MSI_MASKABLE,
  MSIX_FLAGS,
  MSIX_PENDING,
  MSIX_TABLE,
  PM_CONTROL,
  PM_NO_SOFT_RESET,
  ROM,
  STATUS,
  STATUS_CAPABILITIES,
  STATUS_ERRORS,
} from './registers.js';

/** Where emulated hosts put memory and ports; each BAR at a multiple of its size. */
const FIRST_ADDRESS = 0x8000_0000;
const FIRST_PORT = 0xc000;

export class ConfigHardware {
  /** The registers. */
  readonly bytes: Uint8Array;
  /** Bits that a write sets to what it says. */
  readonly writable: Uint8Array;
  /** Bits that a write of 1 clears. */
  readonly clearable: Uint8Array;
  readonly #initial: Uint8Array;
  /** Where each capability begins, by id; of two of one id, the first. */
  readonly #capabilities = new Map<number, number>();

  constructor(spec: FunctionSpec) {
    const size = spec.express === undefined ? CONFIG_BYTES : EXTENDED_CONFIG_BYTES;
    this.bytes = new Uint8Array(size);
    this.writable = new Uint8Array(size);
    this.clearable = new Uint8Array(size);
    this.#buildHeader(spec);
    this.#buildCapabilities(spec);
    this.#buildExtended(spec);
    this.#initial = this.bytes.slice();
    this.#assignAddresses(spec);
  }

  /** Where a capability begins; 0: there is none. */
  find(id: number): number {
    return this.#capabilities.get(id) ?? 0;
  }

  read(offset: number, size: number): number {
    return readNumber(this.bytes, offset, size);
  }

  /** A write as it arrives at the function. */
  write(offset: number, size: number, value: number): void {
    for (let i = 0; i < size; i++) {
      const at = offset + i;
      const byte = (value >>> (8 * i)) & 0xff;
      const kept = this.bytes[at] & ~this.writable[at] & ~(this.clearable[at] & byte);
      this.bytes[at] = kept | (byte & this.writable[at]);
    }
  }

  /** Sets bits of a register that a program cannot write: the device's own doing. */
  change(offset: number, size: number, set: number, clear = 0): void {
    writeNumber(this.bytes, offset, size, ((this.read(offset, size) & ~clear) | set) >>> 0);
  }

  /** The registers as they are, for {@link restore}. */
  save(): Uint8Array {
    return this.bytes.slice();
  }

  /** Every register as after power-on. */
  reset(): void {
    this.bytes.set(this.#initial);
  }

  /**
   * Writes saved registers back, as a host does after a reset: the header, command last, then those of the capabilities
   * that it knows. Vendor-specific registers stay as the reset has left them.
   */
  restore(saved: Uint8Array): void {
    for (const id of [CAPABILITY.express, CAPABILITY.pcix, CAPABILITY.msi, CAPABILITY.msix]) {
      const at = this.find(id);
      if (at !== 0) this.#restore(saved, at, at + (id === CAPABILITY.express ? 0x3c : 0x18));
    }
    this.#restore(saved, COMMAND + 2, HEADER_BYTES);
    this.#restore(saved, COMMAND, COMMAND + 2);
  }

  #restore(saved: Uint8Array, from: number, to: number): void {
    for (let at = from; at < Math.min(to, saved.length); at++) {
      this.bytes[at] = (this.bytes[at] & ~this.writable[at]) | (saved[at] & this.writable[at]);
    }
  }

  #put(offset: number, size: number, value: number, writable = 0): void {
    writeNumber(this.bytes, offset, size, value);
    writeNumber(this.writable, offset, size, writable);
  }

  #buildHeader(spec: FunctionSpec): void {
    const { subsystem = { vendor: spec.vendor, device: spec.device } } = spec;
    this.#put(0, 2, spec.vendor);
    this.#put(2, 2, spec.device);
    this.#put(COMMAND, 2, 0, COMMAND_WRITABLE);
    writeNumber(this.clearable, STATUS, 2, STATUS_ERRORS);
    this.#put(8, 1, spec.revision ?? 0);
    this.#put(9, 2, (spec.classCode ?? 0) & 0xffff);
    this.#put(11, 1, (spec.classCode ?? 0) >>> 16);
    this.#put(0x0c, 2, 0, 0xffff);
    this.#put(0x2c, 2, subsystem.vendor);
    this.#put(0x2e, 2, subsystem.device);
    spec.bars?.forEach((bar, index) => {
      if (bar !== null) this.#buildBar(BAR0 + index * 4, bar);
    });
    if (spec.rom !== undefined) this.#put(ROM, 4, 0, (~(spec.rom.size - 1) | 1) >>> 0);
    this.#put(INTERRUPT_LINE, 1, 0, 0xff);
    this.#put(INTERRUPT_PIN, 1, spec.pin ?? 1);
  }

  #buildBar(at: number, { size, kind, prefetchable, wide }: BarSpec): void {
    const type = kind === 'io' ? 1 : (prefetchable ? 8 : 0) | (wide ? 4 : 0);
    const mask = ~(BigInt(size) - 1n);
    this.#put(at, 4, type, Number(mask & 0xffff_fff0n) | (kind === 'io' ? Number(mask & 0xcn) : 0));
    if (wide) this.#put(at + 4, 4, 0, Number((mask >> 32n) & 0xffff_ffffn));
  }

  /** Addresses as firmware would give them; they come back after a reset only where the host restores them. */
  #assignAddresses(spec: FunctionSpec): void {
    let address = FIRST_ADDRESS;
    let port = FIRST_PORT;
    spec.bars?.forEach((bar, index) => {
      if (bar === null) return;
      const at = BAR0 + index * 4;
      if (bar.kind === 'io') {
        port = Math.ceil(port / bar.size) * bar.size;
        this.write(at, 4, port);
        port += bar.size;
        return;
      }
      // Small BARs get a page each, so that they can be mapped.
      address = Math.ceil(address / Math.max(bar.size, 4096)) * Math.max(bar.size, 4096);
      const wideOnly = bar.wide === true && address >= 2 ** 32;
      this.write(at, 4, wideOnly ? address % 2 ** 32 : address);
      if (bar.wide) this.write(at + 4, 4, Math.floor(address / 2 ** 32));
      address += Math.max(bar.size, 4096);
    });
    if (spec.rom !== undefined) this.write(ROM, 4, Math.ceil(address / spec.rom.size) * spec.rom.size);
    this.write(COMMAND, 2, COMMAND_IO | COMMAND_MEMORY);
  }

  #buildCapabilities(spec: FunctionSpec): void {
    let at = HEADER_BYTES;
    let link = CAPABILITY_POINTER;
    const add = (id: number, length: number): number => {
      const place = at;
      if (place + length > CONFIG_BYTES) throw new RangeError('the capabilities do not fit into configuration space');
      this.bytes[link] = place;
      this.bytes[place] = id;
      link = place + 1;
      at = Math.ceil((place + length) / 4) * 4;
      if (!this.#capabilities.has(id)) this.#capabilities.set(id, place);
      return place;
    };
    for (const { id, bytes } of spec.capabilities ?? []) {
      const place = add(id, 2 + bytes.length);
      this.bytes.set(bytes, place + 2);
      this.writable.fill(0xff, place + 2, place + 2 + bytes.length);
    }
    if (spec.pm !== undefined) {
      const place = add(CAPABILITY.pm, 8);
      this.#put(place + 2, 2, 0xc803);
      this.#put(place + PM_CONTROL, 2, spec.pm.noSoftReset ? PM_NO_SOFT_RESET : 0, 0x8103);
    }
    if (spec.vpd !== undefined) this.#put(add(CAPABILITY.vpd, 8) + 2, 4, 0);
    if (spec.msi !== undefined) this.#buildMsi(spec.msi, add);
    if (spec.express !== undefined) {
      const place = add(CAPABILITY.express, 0x3c);
      this.#put(place + 2, 2, 0x2);
      this.#put(place + EXPRESS_CAPABILITIES, 4, spec.express.flr ? EXPRESS_FLR_CAPABLE : 0);
      this.#put(place + EXPRESS_CONTROL, 2, 0x2810, 0x7fff & ~0x200);
      this.bytes[place + EXPRESS_CONTROL + 1] |= (EXPRESS_READ_REQUEST >>> 8) & 0x20;
      this.#put(place + 0x28, 2, 0, 0xffdf);
    }
    if (spec.msix !== undefined) {
      const { vectors, bar, offset, pendingOffset = offset + vectors * 16 } = spec.msix;
      const place = add(CAPABILITY.msix, 12);
      this.#put(place + MSIX_FLAGS, 2, vectors - 1, 0xc000);
      this.#put(place + MSIX_TABLE, 4, offset | bar);
      this.#put(place + MSIX_PENDING, 4, pendingOffset | bar);
    }
    if (spec.af !== undefined) {
      const place = add(CAPABILITY.af, 6);
      this.bytes[place + 2] = 6;
      this.bytes[place + AF_CAPABILITIES] =
        (spec.af.flr ? AF_FLR_CAPABLE : 0) | (spec.af.pending === false ? 0 : AF_TRANSACTIONS_PENDING);
    }
    if (spec.vendorCapability !== undefined) {
      const { length } = spec.vendorCapability;
      const place = add(CAPABILITY.vendor, 3 + length);
      this.bytes[place + 2] = 3 + length;
      this.bytes.set(spec.vendorCapability, place + 3);
      this.writable.fill(0xff, place + 3, place + 3 + length);
    }
    if (at !== HEADER_BYTES) this.bytes[STATUS] |= STATUS_CAPABILITIES;
    // What belongs to nobody is memory.
    this.writable.fill(0xff, at, CONFIG_BYTES);
  }

  #buildMsi(msi: NonNullable<FunctionSpec['msi']>, add: (id: number, length: number) => number): void {
    const { vectors, wide = true, maskable = false } = msi;
    const place = add(CAPABILITY.msi, (wide ? 14 : 10) + (maskable ? 10 : 0));
    const flags = (Math.log2(vectors) << 1) | (wide ? MSI_64BIT : 0) | (maskable ? MSI_MASKABLE : 0);
    this.#put(place + MSI_FLAGS, 2, flags, 0x71);
    this.#put(place + 4, 4, 0, 0xffff_fffc);
    if (wide) this.#put(place + 8, 4, 0, 0xffff_ffff);
    this.#put(place + (wide ? 12 : 8), 2, 0, 0xffff);
    if (maskable) this.#put(place + (wide ? 16 : 12), 4, 0, 0xffff_ffff);
  }

  #buildExtended({ extended = [] }: FunctionSpec): void {
    let at = CONFIG_BYTES;
    extended.forEach(({ id, version = 1, bytes }, index) => {
      const end = at + 4 + bytes.length;
      const next = index === extended.length - 1 ? 0 : Math.ceil(end / 4) * 4;
      if (end > this.bytes.length) throw new RangeError('the extended capabilities do not fit');
      this.#put(at, 4, (id | (version << 16) | (next << 20)) >>> 0);
      this.bytes.set(bytes, at + 4);
      this.writable.fill(0xff, at + 4, end);
      at = next;
    });
  }
}
