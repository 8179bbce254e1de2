/**
 * Configuration space as a program sees it (spec/pci section 3): a virtual copy beside the function's registers, and per
 * bit whether it lies in the one or the other and whether a write reaches it. Made at each open, on the function's thread,
 * and private to it. What a write sets going beyond its bits is the owner's (`ConfigOwner`); where that must wait for
 * accesses to memory, the write is a promise.
 */
import { isThenable, MediatedError } from '@mediated/core';
import { sizeBars } from './bar-sizing.js';
import { type Area, mapCapabilities } from './capability-map.js';
import { fixMsi, followAdvancedFeatures, followExpress, moveVpd } from './capability-writes.js';
import type { ConfigHardware } from './config-hardware.js';
import type { ConfigOwner } from './config-owner.js';
import { EXTENDED_LINK_FIELDS, type Field, LINK_FIELDS } from './config-layout.js';
import { readNumber, writeNumber } from './little-endian.js';
import {
  BAR0,
  BAR5_END,
  CAPABILITY,
  COMMAND,
  COMMAND_INTX_DISABLE,
  COMMAND_IO,
  COMMAND_MEMORY,
  EXPRESS_CONTROL,
  INTERRUPT_PIN,
  MSI_64BIT,
  MSI_FLAGS,
  MSI_MASKABLE,
  PM_CONTROL,
  PM_STATE,
  ROM,
  ROM_END,
  VPD_ADDRESS,
} from './registers.js';

type MaybePromise = void | Promise<void>;

export class ConfigSpace {
  readonly size: number;
  /** Visible capabilities, the header first. */
  readonly areas: readonly Area[];
  readonly #owner: ConfigOwner;
  readonly #hardware: ConfigHardware;
  readonly #map: readonly (Area | undefined)[];
  readonly #own: Uint8Array;
  readonly #virtual: Uint8Array;
  readonly #write: Uint8Array;
  #barsDirty = true;
  #intxDisabled = false;

  constructor(owner: ConfigOwner) {
    const { hardware, spec } = owner;
    const { bytes } = hardware;
    this.#owner = owner;
    this.#hardware = hardware;
    this.size = bytes.length;
    const { areas, visible, links } = mapCapabilities(bytes, spec.express !== undefined);
    this.#map = areas;
    this.areas = visible;
    this.#own = bytes.slice();
    this.#virtual = new Uint8Array(this.size);
    this.#write = new Uint8Array(this.size);
    for (const area of visible) {
      this.#apply(area.start, area.layout.fields);
      if (area.id === CAPABILITY.msi && !area.extended) this.#applyMsi(area.start);
      if (area.id === CAPABILITY.pm && !area.extended) this.#clearPme(area.start);
      if (area.id === CAPABILITY.vpd && !area.extended) writeNumber(this.#own, area.start + VPD_ADDRESS, 2, 0);
      if (area.id === CAPABILITY.express && !area.extended) this.#own[area.start + EXPRESS_CONTROL + 1] &= 0x7f;
    }
    // Last: where capabilities overlap, the list leads on as if they did not.
    for (const { start, extended } of visible.slice(1)) {
      this.#own.set(bytes.subarray(start, start + (extended ? 4 : 2)), start);
      this.#apply(start, extended ? EXTENDED_LINK_FIELDS : LINK_FIELDS);
    }
    for (const [offset, value] of links) this.#own[offset] = value;
    if (owner.virtualFunction) this.#setShadow(COMMAND_MEMORY, COMMAND_MEMORY);
    if (owner.virtualFunction || spec.brokenIntx) this.#own[INTERRUPT_PIN] = 0;
  }

  /** The program has switched memory on (also: it has no such switch). */
  get memoryEnabled(): boolean {
    return this.#owner.virtualFunction || (this.#own[COMMAND] & COMMAND_MEMORY) !== 0;
  }

  /** The program keeps INTx off. */
  get intxOff(): boolean {
    return this.#intxDisabled;
  }

  /** Interrupt pin as the program sees it. */
  get pin(): number {
    return this.#own[INTERRUPT_PIN];
  }

  /** The whole space is read; throws EFAULT beyond its end. */
  read(offset: number, into: Uint8Array): number {
    for (let done = 0; done < into.length; ) {
      const size = this.#chunk(offset + done, into.length - done);
      writeNumber(into, done, size, this.#readChunk(offset + done, size));
      done += size;
    }
    return into.length;
  }

  /** Chunks that come before one which fails have taken effect (EFAULT beyond the end). */
  write(offset: number, bytes: Uint8Array): number | Promise<number> {
    for (let done = 0; done < bytes.length; ) {
      const size = this.#chunk(offset + done, bytes.length - done);
      const written = this.#writeChunk(offset + done, size, readNumber(bytes, done, size));
      done += size;
      if (isThenable(written)) {
        const rest = done;
        return Promise.resolve(written)
          .then(() => this.write(offset + rest, bytes.subarray(rest)))
          .then(() => bytes.length);
      }
    }
    return bytes.length;
  }

  /** A word as the program has it in the virtual copy; for tests of what the host thinks. */
  virtual(offset: number, size: number): number {
    return readNumber(this.#own, offset, size);
  }

  /** An aligned piece of at most four bytes that belongs to one area. */
  #chunk(offset: number, left: number): number {
    const size = offset % 4 === 0 && left >= 4 ? 4 : offset % 2 === 0 && left >= 2 ? 2 : 1;
    if (offset + size > this.size) {
      throw new MediatedError('EFAULT', `configuration space ends at ${this.size}`, { syscall: 'config' });
    }
    for (let fits = size; ; fits >>= 1) {
      if (fits === 1 || this.#map[offset] === this.#map[offset + fits - 1]) return fits;
    }
  }

  #readChunk(offset: number, size: number): number {
    const area = this.#map[offset];
    if (area === undefined) return this.#hardware.read(offset, size);
    if (isBar(offset) && this.#barsDirty) {
      sizeBars(this.#own, this.#owner.spec);
      this.#barsDirty = false;
    }
    let value = 0;
    for (let i = size - 1; i >= 0; i--) {
      const at = offset + i;
      const mask = this.#virtual[at];
      value = value * 256 + ((this.#hardware.bytes[at] & ~mask) | (this.#own[at] & mask));
    }
    if (offset === COMMAND && this.#owner.virtualFunction) value |= COMMAND_MEMORY;
    return value;
  }

  #writeChunk(offset: number, size: number, value: number): MaybePromise {
    const area = this.#map[offset];
    if (area === undefined || area.layout.raw) return this.#hardware.write(offset, size, value);
    if (area.start === 0) return this.#writeHeader(offset, size, value);
    if (area.extended) return this.#writeMasked(offset, size, value);
    switch (area.id) {
      case CAPABILITY.pm:
        this.#writeMasked(offset, size, value);
        return offset === area.start + PM_CONTROL ? this.#owner.setPowerState(value & PM_STATE) : undefined;
      case CAPABILITY.vpd:
        this.#writeMasked(offset, size, value);
        return covers(offset, size, area.start + VPD_ADDRESS + 1)
          ? moveVpd(this.#own, area.start, this.#owner)
          : undefined;
      case CAPABILITY.msi:
        this.#writeMasked(offset, size, value);
        return covers(offset, size, area.start + MSI_FLAGS) ? fixMsi(this.#own, area.start, this.#owner) : undefined;
      case CAPABILITY.express: {
        const before = readNumber(this.#own, area.start + EXPRESS_CONTROL, 2);
        this.#writeMasked(offset, size, value);
        return followExpress(this.#own, area.start, before, this.#owner);
      }
      case CAPABILITY.af:
        this.#writeMasked(offset, size, value);
        return followAdvancedFeatures(this.#own, area.start, this.#owner);
      default:
        return this.#writeMasked(offset, size, value);
    }
  }

  #writeMasked(offset: number, size: number, value: number): void {
    let reached = 0;
    for (let i = 0; i < size; i++) {
      const at = offset + i;
      const byte = (value >>> (8 * i)) & 0xff;
      const own = this.#virtual[at] & this.#write[at];
      this.#own[at] = (this.#own[at] & ~own) | (byte & own);
      reached = (reached | ((this.#write[at] & ~this.#virtual[at]) << (8 * i))) >>> 0;
    }
    if (reached === 0) return;
    const old = this.#hardware.read(offset, size);
    this.#hardware.write(offset, size, ((old & ~reached) | (value & reached)) >>> 0);
  }

  #writeHeader(offset: number, size: number, value: number): MaybePromise {
    if (isBar(offset)) this.#barsDirty = true;
    if (offset === COMMAND) {
      const written = this.#owner.exclusively((value & COMMAND_MEMORY) === 0, () => this.#writeCommand(size, value));
      if (isThenable(written)) return Promise.resolve(written).then(() => this.#followIntx());
      return this.#followIntx();
    }
    this.#writeMasked(offset, size, value);
    if (offset === COMMAND + 1) this.#followIntx();
  }

  /** Under the memory lock. */
  #writeCommand(size: number, value: number): void {
    const shadow = this.#own[COMMAND];
    const real = this.#hardware.bytes[COMMAND];
    const lost = (bit: number) => (value & shadow & bit) !== 0 && (real & bit) === 0;
    // Switched on already, to the program's knowledge: something has reset the function behind our back.
    if (lost(COMMAND_MEMORY) || lost(COMMAND_IO) || this.#barsLost()) this.#restoreBars();
    this.#writeMasked(COMMAND, size, value);
    this.#setShadow(COMMAND_MEMORY | COMMAND_IO, value);
  }

  #setShadow(mask: number, value: number): void {
    this.#own[COMMAND] = (this.#own[COMMAND] & ~mask) | (value & mask);
  }

  #followIntx(): void {
    const disabled = (readNumber(this.#own, COMMAND, 2) & COMMAND_INTX_DISABLE) !== 0;
    if (disabled === this.#intxDisabled) return;
    this.#intxDisabled = disabled;
    this.#owner.intxDisabled(disabled);
  }

  #barsLost(): boolean {
    const { realBars, virtualFunction } = this.#owner;
    if (virtualFunction) return false;
    for (let at = 0; at < realBars.length; at += 4) {
      const real = readNumber(realBars, at, 4);
      if (real !== 0 && real !== this.#hardware.read(BAR0 + at, 4)) return true;
    }
    return false;
  }

  #restoreBars(): void {
    const { realBars, spec, virtualFunction } = this.#owner;
    if (virtualFunction) return;
    for (let at = 0; at < realBars.length; at += 4) this.#hardware.write(BAR0 + at, 4, readNumber(realBars, at, 4));
    if (spec.brokenIntx) this.#hardware.change(COMMAND, 2, COMMAND_INTX_DISABLE);
  }

  #apply(start: number, fields: readonly Field[]): void {
    for (const { offset, bytes, virtual, write } of fields) {
      if (start + offset + bytes > this.size) continue;
      writeNumber(this.#virtual, start + offset, bytes, virtual);
      writeNumber(this.#write, start + offset, bytes, write);
    }
  }

  #applyMsi(start: number): void {
    const flags = this.#hardware.read(start + MSI_FLAGS, 2);
    const wide = (flags & MSI_64BIT) !== 0;
    const all = 0xffff_ffff;
    this.#apply(start, [
      ...(wide ? [{ offset: 8, bytes: 4 as const, virtual: all, write: all }] : []),
      { offset: wide ? 12 : 8, bytes: 2, virtual: all, write: all },
      ...(flags & MSI_MASKABLE
        ? [0, 4].map((more) => ({ offset: (wide ? 16 : 12) + more, bytes: 4 as const, virtual: 0, write: all }))
        : []),
    ]);
  }

  #clearPme(start: number): void {
    this.#own[start + 3] &= ~0xf8;
    writeNumber(this.#own, start + PM_CONTROL, 2, readNumber(this.#own, start + PM_CONTROL, 2) & ~0x8100);
  }
}

function isBar(offset: number): boolean {
  return (offset >= BAR0 && offset < BAR5_END) || (offset >= ROM && offset < ROM_END);
}

function covers(offset: number, size: number, at: number): boolean {
  return offset <= at && at < offset + size;
}
