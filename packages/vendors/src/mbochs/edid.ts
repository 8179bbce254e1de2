/**
 * The EDID region: registers by which a program hands the display the EDID of a monitor, and the blob itself (mbochs
 * sections 4 and 5). Called by the display on the device's thread, one access of 1, 2 or 4 bytes at a time. Nothing here
 * can fail: accesses that fit nothing read 0 and are ignored.
 */
import { EDID_LINK_STATES, gfxEdid } from '@mediated/vfio/uapi';
import type { MbochsType } from './types.js';

/** Where the blob begins in the region, and its most bytes. */
const BLOB_OFFSET = 0x800;
const BLOB_BYTES = 0x400;

/** Registers that take a write; the others tell what the display can do. */
const WRITABLE: readonly number[] = [gfxEdid.offsets.edid_size, gfxEdid.offsets.link_state];

export class Edid {
  readonly #registers: DataView;
  readonly #blob = new Uint8Array(BLOB_BYTES);

  constructor({ maxWidth, maxHeight }: MbochsType) {
    const registers = { edid_offset: BLOB_OFFSET, edid_max_size: BLOB_BYTES, max_xres: maxWidth, max_yres: maxHeight };
    this.#registers = new DataView(gfxEdid.bytes(registers).buffer);
  }

  /** Reads at `offset` of the region. */
  read(offset: number, into: Uint8Array): void {
    into.fill(0);
    if (offset >= BLOB_OFFSET) {
      const start = offset - BLOB_OFFSET;
      if (start + into.length <= BLOB_BYTES) into.set(this.#blob.subarray(start, start + into.length));
    } else if (into.length === 4 && offset < gfxEdid.size) {
      new DataView(into.buffer, into.byteOffset).setUint32(0, this.#registers.getUint32(offset, true), true);
    }
  }

  /** Writes at `offset` of the region. Size and state of the link take any value. */
  write(offset: number, bytes: Uint8Array): void {
    if (offset >= BLOB_OFFSET) {
      const start = offset - BLOB_OFFSET;
      if (start + bytes.length <= BLOB_BYTES) this.#blob.set(bytes, start);
    } else if (bytes.length === 4 && WRITABLE.includes(offset)) {
      const value = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      this.#registers.setUint32(offset, value, true);
    }
  }

  /** What the guest sees at `offset` of the registers' page: the blob, as long as the link is up and so far it goes. */
  readAsGuest(offset: number, into: Uint8Array): void {
    into.fill(0);
    const { edid_size, link_state } = gfxEdid.offsets;
    const up = this.#registers.getUint32(link_state, true) === EDID_LINK_STATES.up;
    // An access that begins before the end reads on behind it (quirk).
    if (up && offset < this.#registers.getUint32(edid_size, true))
      into.set(this.#blob.subarray(offset, offset + into.length));
  }
}
