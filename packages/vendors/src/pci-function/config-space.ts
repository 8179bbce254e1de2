/**
 * Configuration space of a simple PCI function: identity, BARs that answer the sizing question, one MSI capability. Made
 * by `pci-function.ts` for each device; private to the device's thread.
 */

/** Bytes of the region. */
export const CONFIG_BYTES = 256;

const COMMAND = 0x04;
const STATUS = 0x06;
const BAR0 = 0x10;
const SUBSYSTEM = 0x2c;
const CAPABILITIES = 0x34;
const INTERRUPT_LINE = 0x3c;
const MSI = 0x40;

/** I/O, memory, bus master, interrupt disable. */
const COMMAND_WRITABLE = 0x0407;
const STATUS_CAPABILITIES = 0x0010;
const MSI_ID = 5;
const MSI_64BIT = 0x80;
const MSI_ENABLE = 0x01;
const PREFETCHABLE = 0x08;

/** Who the function says it is. */
export interface PciIdentity {
  readonly vendor: number;
  readonly device: number;
  readonly subsystemVendor: number;
  readonly subsystemDevice: number;
  /** 24 bits: base class, sub-class, interface. */
  readonly classCode: number;
}

/** A BAR: 32 bits of memory address. */
export interface PciBar {
  /** A power of two, at least 16. */
  readonly bytes: number;
  readonly prefetchable?: boolean;
}

export class ConfigSpace {
  readonly #bytes = new Uint8Array(CONFIG_BYTES);
  /** Bits that a write changes. */
  readonly #writable = new Uint8Array(CONFIG_BYTES);

  /** `bars` by index. */
  constructor(identity: PciIdentity, bars: ReadonlyMap<number, PciBar>) {
    const bytes = new DataView(this.#bytes.buffer);
    const writable = new DataView(this.#writable.buffer);
    bytes.setUint16(0, identity.vendor, true);
    bytes.setUint16(2, identity.device, true);
    writable.setUint16(COMMAND, COMMAND_WRITABLE, true);
    bytes.setUint16(STATUS, STATUS_CAPABILITIES, true);
    bytes.setUint32(0x08, identity.classCode << 8, true);
    for (const [index, { bytes: size, prefetchable = false }] of bars) {
      bytes.setUint32(BAR0 + 4 * index, prefetchable ? PREFETCHABLE : 0, true);
      writable.setUint32(BAR0 + 4 * index, -size, true);
    }
    bytes.setUint16(SUBSYSTEM, identity.subsystemVendor, true);
    bytes.setUint16(SUBSYSTEM + 2, identity.subsystemDevice, true);
    bytes.setUint8(CAPABILITIES, MSI);
    writable.setUint8(INTERRUPT_LINE, 0xff);
    bytes.setUint8(MSI, MSI_ID);
    bytes.setUint16(MSI + 2, MSI_64BIT, true);
    writable.setUint8(MSI + 2, MSI_ENABLE);
    // Message address, of which the low two bits are zero, and message data.
    writable.setUint32(MSI + 4, 0xffff_fffc, true);
    writable.setUint32(MSI + 8, 0xffff_ffff, true);
    writable.setUint16(MSI + 12, 0xffff, true);
  }

  /** Copies bytes from `offset`; the caller has cut them at the end. */
  read(offset: number, into: Uint8Array): void {
    into.set(this.#bytes.subarray(offset, offset + into.length));
  }

  /** Changes what can be changed; the rest of the bytes is ignored, as hardware does. */
  write(offset: number, bytes: Uint8Array): void {
    for (const [at, byte] of bytes.entries()) {
      const mask = this.#writable[offset + at];
      this.#bytes[offset + at] = (this.#bytes[offset + at] & ~mask) | (byte & mask);
    }
  }
}
