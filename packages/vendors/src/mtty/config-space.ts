/**
 * The PCI configuration space of the card. Called by the card, one access at a time under the device's lock.
 * A table of bytes of which only the interrupt line and the base address registers can be written (mtty section 4).
 */

/** Bytes of the region; what lies behind reads 0. The last byte of a PCI configuration space is missing. */
const CONFIG_BYTES = 0xff;

const BAR0 = 0x10;
const BAR1 = 0x14;
const INTERRUPT_LINE = 0x3c;

/** What a base address register answers to the question for its size, before the low bits: eight bytes. */
const SIZING_ANSWER = 0xfffffff8;
const SIZING_QUESTION = 0xffffffff;
const BAR_TYPE_BITS = 0x03;
const BAR_IO = 0x01;

/** Bytes that are not 0, by their offset. */
const CONTENTS: readonly (readonly [number, readonly number[]])[] = [
  // Vendor 0x4348, device 0x3253.
  [0x00, [0x48, 0x43, 0x53, 0x32]],
  // Command: I/O decoding on. Status: medium DEVSEL, no capability list.
  [0x04, [0x01, 0x00, 0x00, 0x02]],
  // Revision, programming interface 16550, subclass serial, class communication.
  [0x08, [0x10, 0x02, 0x00, 0x07]],
  [0x10, [BAR_IO]],
  // Subsystem: as vendor and device.
  [0x2c, [0x48, 0x43, 0x53, 0x32]],
  // Interrupt pin A.
  [0x3d, [0x01]],
  // Vendor data.
  [0x40, [0x23, 0x00, 0x00, 0x80, 0x23, 0x00, 0x00, 0x00, 0x23, 0x00, 0x00, 0x00, 0x23]],
  [0x60, [...'PCI Serial/UART'].map((character) => character.charCodeAt(0))],
];

/** Configuration space of a card with one or two ports. */
export class MttyConfigSpace {
  readonly #bytes = new DataView(new ArrayBuffer(CONFIG_BYTES));
  readonly #dual: boolean;
  readonly #quirks: boolean;

  /** `quirks`: the low bits of base addresses only ever gain, as in Linux. */
  constructor(ports: 1 | 2, quirks = true) {
    this.#dual = ports === 2;
    this.#quirks = quirks;
    for (const [offset, bytes] of CONTENTS) {
      for (const [at, byte] of bytes.entries()) this.#bytes.setUint8(offset + at, byte);
    }
    if (this.#dual) this.#bytes.setUint8(BAR1, BAR_IO);
  }

  /** Copies the bytes at `offset` into `into`; those behind the end are 0. */
  read(offset: number, into: Uint8Array): void {
    for (let at = 0; at < into.length; at++) {
      into[at] = offset + at < CONFIG_BYTES ? this.#bytes.getUint8(offset + at) : 0;
    }
  }

  /**
   * Writes one access of 1, 2 or 4 bytes. What starts anywhere but at a writable register is ignored.
   * A base address register takes four bytes; a shorter access counts as filled up with zeros.
   */
  write(offset: number, bytes: Uint8Array): void {
    if (offset === INTERRUPT_LINE) this.#bytes.setUint8(INTERRUPT_LINE, bytes[0] as number);
    else if (offset === BAR0 || (offset === BAR1 && this.#dual)) this.#writeBar(offset, bytes);
  }

  /** An ordinary address is stored as it is, not cut to the size; its low bits are the register's kind. */
  #writeBar(offset: number, bytes: Uint8Array): void {
    let value = 0;
    for (let at = 0; at < bytes.length; at++) value |= (bytes[at] as number) << (8 * at);
    if (value >>> 0 === SIZING_QUESTION) value = SIZING_ANSWER;
    // Quirk: those that were written are kept as well.
    const kind = this.#quirks ? value | (this.#bytes.getUint32(offset, true) & BAR_TYPE_BITS) : BAR_IO;
    this.#bytes.setUint32(offset, (value & ~BAR_TYPE_BITS) | (kind & BAR_TYPE_BITS), true);
  }
}
