/**
 * The PCI configuration space of a vGPU (gvt section 6). Called by the vGPU, one access of 1, 2 or 4 bytes at a time.
 */

/** Bytes of the region. */
export const CONFIG_BYTES = 4096;

const COMMAND = 0x04;
const BAR0 = 0x10;
const BARS_END = 0x28;
const ROM = 0x30;
const STANDARD_BYTES = 0x40;
const MSI_CONTROL = 0xae;
const POWER_CONTROL = 0xd4;
const SOFTWARE_SCI = 0xe8;
const OPREGION_BASE = 0xfc;

const MEMORY_ENABLED = 0x02;
const MSI_ENABLED = 0x01;
const POWER_STATE_MASK = 0x03;
const D3_HOT = 0x03;
const SIZING = 0xffffffff;
/** All address bits of the ROM's register, whatever the others are. It is answered with 0: there is no ROM. */
const ROM_SIZING = 0xfffff800;
/** Kind of a base address register: its low bits, which stay. */
const BAR_KIND = 0x0f;

/** Bytes that are not 0 in what the firmware has left, by their offset; those that a guest does not get are left out. */
const CONTENTS: readonly (readonly [number, readonly number[]])[] = [
  // Vendor Intel. Status: capability list. Display controller, VGA. Capabilities: vendor, PCI Express, MSI, power.
  [0x00, [0x86, 0x80]],
  [0x06, [0x10, 0x00]],
  [0x08, [0x06, 0x00, 0x00, 0x03]],
  [0x10, [0x04, 0x00, 0x00, 0xf6]],
  [0x18, [0x0c]],
  [0x2c, [0x86, 0x80]],
  [0x34, [0x40]],
  [0x3d, [0x01]],
  [0x40, [0x09, 0x70, 0x0c, 0x01]],
  [0x70, [0x10, 0xac, 0x92, 0x00]],
  [0xac, [0x05, 0xd0, 0x00, 0x00]],
  [0xd0, [0x01, 0x00, 0x22, 0x00]],
];

/** Which bits of the standard header a guest can write. */
const WRITABLE = writableBits();
/** Errors in the status register, which are cleared by writing ones. */
const STATUS_HIGH = 0x07;
const STATUS_CLEARED = 0xf9;

function writableBits(): Uint8Array {
  const bits = new Uint8Array(STANDARD_BYTES);
  bits.set([0xff, 0x07], COMMAND);
  bits[0x0c] = 0xff;
  bits.fill(0xff, BAR0, BARS_END);
  bits.set([0x01, 0xf8, 0xff, 0xff], ROM);
  bits[0x3c] = 0xff;
  return bits;
}

/** What a write has set off. */
export interface ConfigEvents {
  /** Accesses to BAR0 reach the emulation, or no longer. */
  trap(trapped: boolean): void;
  /** The guest asks for a service of the OpRegion. */
  softwareSci(value: number): void;
}

export class GvtConfigSpace {
  readonly #bytes = new Uint8Array(CONFIG_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #deviceId: number;
  readonly #barBytes: readonly [number, number];
  readonly #apertureAddress: number;
  readonly #events: ConfigEvents;
  #trapped = false;
  /** The guest has put the device to sleep since the last reset. */
  sleeping = false;
  /** Guest frames of the OpRegion. */
  opRegionFrames: readonly [number, number] = [0, 0];

  /** `barBytes`: of BAR0 and BAR2. `apertureAddress`: where the host has mapped BAR2. */
  constructor(deviceId: number, barBytes: readonly [number, number], apertureAddress: number, events: ConfigEvents) {
    this.#deviceId = deviceId;
    this.#barBytes = barBytes;
    this.#apertureAddress = apertureAddress;
    this.#events = events;
    this.reset();
  }

  /** As after creation. `sleeping` stays. */
  reset(): void {
    this.#bytes.fill(0);
    for (const [offset, bytes] of CONTENTS) this.#bytes.set(bytes, offset);
    for (const offset of [0x02, 0x2e]) this.#view.setUint16(offset, this.#deviceId, true);
    this.#view.setUint32(BAR0 + 8, this.#apertureAddress | (this.#bytes[BAR0 + 8] as number), true);
    this.opRegionFrames = [0, 0];
    this.#trap(false);
  }

  /** Whether the guest takes MSI. */
  get msiEnabled(): boolean {
    return (this.#view.getUint16(MSI_CONTROL, true) & MSI_ENABLED) !== 0;
  }

  /** False: behind the end. */
  read(offset: number, into: Uint8Array): boolean {
    if (offset + into.length > CONFIG_BYTES) return false;
    into.set(this.#bytes.subarray(offset, offset + into.length));
    return true;
  }

  /** False: behind the end, unaligned where that matters, more than 2 bytes of the command. */
  write(offset: number, bytes: Uint8Array): boolean {
    if (offset + bytes.length > CONFIG_BYTES) return false;
    if (offset === COMMAND) return this.#writeCommand(bytes);
    const register = offset & ~3;
    if ((register >= BAR0 && register < BARS_END) || register === ROM) {
      if (offset !== register) return false;
      if (register === ROM) this.#writeRom(bytes);
      else this.#writeBar(register, bytes);
      return true;
    }
    if (register === SOFTWARE_SCI || register === OPREGION_BASE) {
      if (offset !== register) return false;
      this.#store(offset, bytes);
      this.#wroteGraphics(register);
      return true;
    }
    this.#store(offset, bytes);
    if (offset === POWER_CONTROL && ((this.#bytes[offset] as number) & POWER_STATE_MASK) === D3_HOT) {
      this.sleeping = true;
    }
    return true;
  }

  #writeCommand(bytes: Uint8Array): boolean {
    if (bytes.length > 2) return false;
    this.#store(COMMAND, bytes);
    this.#trap(this.#memoryEnabled);
    return true;
  }

  get #memoryEnabled(): boolean {
    return ((this.#bytes[COMMAND] as number) & MEMORY_ENABLED) !== 0;
  }

  #trap(trapped: boolean): void {
    if (this.#trapped === trapped) return;
    this.#trapped = trapped;
    this.#events.trap(trapped);
  }

  #wroteGraphics(register: number): void {
    const value = this.#view.getUint32(register, true);
    if (register === SOFTWARE_SCI) this.#events.softwareSci(value);
    else this.opRegionFrames = [value >>> 12, (value >>> 12) + 1];
  }

  /** BAR0 and BAR2 take two registers each; others do not exist. */
  #writeBar(register: number, bytes: Uint8Array): void {
    const number = (register - BAR0) / 4;
    const size = this.#barBytes[number >>> 1];
    const isSizing = asksForSize(bytes, SIZING);
    if (size === undefined) {
      this.#store(register, isSizing ? new Uint8Array(4) : bytes);
      return;
    }
    const isLow = number % 2 === 0;
    const kind = isLow ? (this.#bytes[register] as number) & BAR_KIND : 0;
    if (isSizing) this.#view.setUint32(register, isLow ? -size : SIZING, true);
    else this.#store(register, bytes);
    if (isLow) this.#bytes[register] = ((this.#bytes[register] as number) & ~BAR_KIND) | kind;
    if (number < 2) this.#trap(!isSizing && this.#memoryEnabled);
  }

  #writeRom(bytes: Uint8Array): void {
    this.#store(ROM, asksForSize(bytes, ROM_SIZING) ? new Uint8Array(4) : bytes);
  }

  #store(offset: number, bytes: Uint8Array): void {
    for (const [i, byte] of bytes.entries()) {
      const at = offset + i;
      const old = this.#bytes[at] as number;
      if (at >= STANDARD_BYTES) this.#bytes[at] = byte;
      else if (at === STATUS_HIGH) this.#bytes[at] = old & ~(byte & STATUS_CLEARED);
      else this.#bytes[at] = (old & ~(WRITABLE[at] as number)) | (byte & (WRITABLE[at] as number));
    }
  }
}

function asksForSize(bytes: Uint8Array, least: number): boolean {
  return bytes.length === 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) >= least;
}
