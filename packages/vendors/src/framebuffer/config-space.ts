/**
 * PCI configuration space of the sample displays: a table of bytes of which only the base address registers can be
 * written (mdpy section 2, mbochs section 2). Called by mdpy and mbochs, one access at a time on the device's thread.
 */

/** Bytes of the region: one short of a configuration space (quirk). What lies behind reads 0. */
export const CONFIG_BYTES = 255;

export const BAR0 = 0x10;
export const BAR2 = 0x18;

const SIZING_QUESTION = 0xffffffff;
/** The low bits of a base address register tell its kind; they cannot be written. */
const KIND_BITS = 0x0f;

/** Bytes at an offset. */
export type ConfigBytes = readonly (readonly [offset: number, bytes: readonly number[]])[];

/** What both displays have: command, class "display, other", BAR0 of 32 bits and prefetchable, subsystem 1af4:1100. */
export const DISPLAY_CONFIG: ConfigBytes = [
  [0x04, [0x03, 0x00]],
  [0x08, [0x01, 0x00, 0x80, 0x03]],
  [BAR0, [0x08, 0x00, 0x00, 0x00]],
  [0x2c, [0xf4, 0x1a, 0x00, 0x11]],
];

/** The configuration space of one display. */
export class DisplayConfigSpace {
  readonly #bytes = new DataView(new ArrayBuffer(CONFIG_BYTES));
  readonly #bars: ReadonlyMap<number, number>;

  /** `bars`: bytes of the region behind each base address register, a power of two, by the register's offset. */
  constructor(contents: ConfigBytes, bars: ReadonlyMap<number, number>) {
    this.#bars = bars;
    for (const [offset, bytes] of contents) {
      for (const [at, byte] of bytes.entries()) this.#bytes.setUint8(offset + at, byte);
    }
  }

  /** Copies the bytes at `offset` into `into`. */
  read(offset: number, into: Uint8Array): void {
    for (let at = 0; at < into.length; at++) {
      into[at] = offset + at < CONFIG_BYTES ? this.#bytes.getUint8(offset + at) : 0;
    }
  }

  /**
   * Writes one access of 1, 2 or 4 bytes; ignored unless it starts at a base address register. These take four bytes,
   * a shorter access counts as filled up with zeros. An address is stored as it is, not cut to the size (quirk).
   */
  write(offset: number, bytes: Uint8Array): void {
    const size = this.#bars.get(offset);
    if (size === undefined) return;
    let value = 0;
    for (let at = 0; at < bytes.length; at++) value |= (bytes[at] as number) << (8 * at);
    if (value >>> 0 === SIZING_QUESTION) value = -size;
    const kind = this.#bytes.getUint8(offset) & KIND_BITS;
    this.#bytes.setUint32(offset, (value & ~KIND_BITS) | kind, true);
  }
}
