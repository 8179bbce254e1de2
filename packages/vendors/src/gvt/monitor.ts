/**
 * The virtual monitor of a vGPU and its EDID region (gvt section 6): registers and the EDID itself. Called by the vGPU,
 * one access of 1, 2 or 4 bytes at a time.
 */
import { EDID_LINK_STATES, gfxEdid } from '@mediated/vfio/uapi';

/** Where the blob begins in the region: behind the end that GET_REGION_INFO tells (quirk). */
const BLOB_OFFSET = 2048;
const BLOB_BYTES = 128;
const HEADER = [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];

/** Told of when the monitor is plugged in or pulled out. */
export type Hotplug = (connected: boolean) => void;

export class Monitor {
  readonly #registers: DataView;
  readonly #blob: Uint8Array;
  readonly #hotplug: Hotplug;

  constructor(width: number, height: number, hotplug: Hotplug) {
    const sizes = { edid_offset: BLOB_OFFSET, edid_max_size: BLOB_BYTES, edid_size: BLOB_BYTES };
    const values = { ...sizes, max_xres: width, max_yres: height };
    this.#registers = new DataView(gfxEdid.bytes(values).buffer);
    this.#blob = edidOf(width, height);
    this.#hotplug = hotplug;
  }

  /** What the guest reads from the monitor. */
  get edid(): Uint8Array {
    return this.#blob;
  }

  /** False: no register, not 4 bytes of one, or not within the blob. */
  read(offset: number, into: Uint8Array): boolean {
    if (offset < BLOB_OFFSET) {
      if (!isRegister(offset, into.length)) return false;
      into.set(new Uint8Array(this.#registers.buffer, offset, into.length));
      return true;
    }
    const start = offset - BLOB_OFFSET;
    if (start + into.length > this.#size) return false;
    into.set(this.#blob.subarray(start, start + into.length));
    return true;
  }

  /** False: as for `read`; a register that cannot be written, a size or state that cannot be, a bad EDID brought up. */
  write(offset: number, bytes: Uint8Array): boolean {
    if (offset < BLOB_OFFSET) {
      if (!isRegister(offset, bytes.length)) return false;
      return this.#set(offset, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));
    }
    const start = offset - BLOB_OFFSET;
    if (start + bytes.length > this.#size) return false;
    this.#blob.set(bytes, start);
    return true;
  }

  get #size(): number {
    return this.#registers.getUint32(gfxEdid.offsets.edid_size, true);
  }

  #set(offset: number, value: number): boolean {
    const { edid_size, link_state } = gfxEdid.offsets;
    if (offset === edid_size ? value > BLOB_BYTES : offset !== link_state || !this.#canLink(value)) return false;
    this.#registers.setUint32(offset, value, true);
    if (offset === link_state) this.#hotplug(value === EDID_LINK_STATES.up);
    return true;
  }

  #canLink(state: number): boolean {
    return state === EDID_LINK_STATES.down || (state === EDID_LINK_STATES.up && isValidEdid(this.#blob));
  }
}

function isRegister(offset: number, length: number): boolean {
  return length === 4 && offset + length <= gfxEdid.size;
}

/** Header and checksum of one block. */
function isValidEdid(blob: Uint8Array): boolean {
  return HEADER.every((byte, i) => blob[i] === byte) && sumOf(blob) === 0;
}

function sumOf(blob: Uint8Array): number {
  return blob.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/** An EDID 1.4 of a digital monitor with one mode at 60 Hz. */
function edidOf(width: number, height: number): Uint8Array {
  const blob = new Uint8Array(BLOB_BYTES);
  blob.set(HEADER);
  // Maker "MED", product 1; week 1 of 2024; EDID 1.4; digital, 8 bits, DisplayPort; gamma 2.2; RGB, preferred timing.
  blob.set([0x34, 0xa4, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x22, 0x01, 0x04, 0xa5, 0x00, 0x00, 0x78, 0x06], 8);
  // sRGB.
  blob.set([0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54], 25);
  // No standard timings.
  blob.fill(0x01, 38, 54);
  blob.set(detailedTiming(width, height), 54);
  blob.set([0, 0, 0, 0xfc, 0, ...[...'Mediated vGPU'].map((character) => character.charCodeAt(0))], 72);
  // Two unused descriptors.
  blob.set([0, 0, 0, 0x10], 90);
  blob.set([0, 0, 0, 0x10], 108);
  blob[127] = 256 - sumOf(blob);
  return blob;
}

/** Reduced blanking: 160 pixels a line, 35 lines a picture. */
function detailedTiming(width: number, height: number): number[] {
  const [blankingWidth, blankingHeight] = [160, 35];
  const clock = Math.round(((width + blankingWidth) * (height + blankingHeight) * 60) / 10_000);
  const high = (a: number, b: number) => ((a >>> 8) << 4) | (b >>> 8);
  return [
    ...[clock & 0xff, clock >>> 8],
    ...[width & 0xff, blankingWidth, high(width, blankingWidth)],
    ...[height & 0xff, blankingHeight, high(height, blankingHeight)],
    // Sync: 48 pixels after the picture, 32 long; 3 lines after it, 6 long. Size unknown. Digital, positive.
    ...[48, 32, 0x36, 0, 0, 0, 0, 0, 0, 0x1e],
  ];
}
