/**
 * Registers and rings of a subfunction as its program sees them (docs/drivers/sf.md). Shared by the device and by
 * `client.ts`; data only.
 *
 * BAR0: registers of 32 bits. BAR2: shared memory, a page of indexes and then rings of slots. All numbers are little-endian.
 * Indexes count frames and wrap at 2^32; index modulo slots is the slot. The writer of an index is the only one who
 * changes it, after it has filled (TX_TAIL, RX_TAIL) or read (TX_HEAD, RX_HEAD) the slots.
 */

export const REGISTERS_BAR = 0;
export const RINGS_BAR = 2;
export const REGISTERS_BYTES = 4096;

/** Offsets in BAR0. Everything else reads 0 and ignores writes. */
export const SF_REGISTERS = {
  /** `SFNC` in ASCII. */
  magic: 0x00,
  version: 0x04,
  /** Bytes 0 to 3 of the MAC. */
  macLow: 0x08,
  /** Bytes 4 and 5 of the MAC. */
  macHigh: 0x0c,
  /** Slots of each ring: a power of two. */
  slots: 0x10,
  /** Receive rings: one for each thread of the driver, which alone writes it. */
  lanes: 0x14,
  /** Bytes of a slot. */
  slotBytes: 0x18,
  /** Most bytes of a frame. */
  maxFrame: 0x1c,
  /** A write sends what is in the transmit ring, before it returns. */
  doorbell: 0x20,
} as const;
export const SF_MAGIC = 0x434e4653;
export const SF_VERSION = 1;

export const SLOT_BYTES = 2048;
/** In a slot: bytes of the frame (u32), and where the frame begins. */
export const SLOT_LENGTH = 0;
export const SLOT_FRAME = 16;
/** Ethernet with a VLAN tag, without the checksum. */
export const MAX_FRAME = 1518;
/** Two addresses and a type. */
export const MIN_FRAME = 14;
/** Most receive rings: as many threads as a driver can have. */
export const MAX_LANES = 16;

/** Word offsets in BAR2. Each index has a cache line of its own. */
export const TX_TAIL = 0x00 / 4;
export const TX_HEAD = 0x40 / 4;
export const rxTail = (lane: number): number => (0x80 + lane * 0x80) / 4;
export const rxHead = (lane: number): number => (0xc0 + lane * 0x80) / 4;

const INDEX_BYTES = 4096;

/** Where the transmit ring begins in BAR2. */
export const TX_RING = INDEX_BYTES;

/** Where the receive ring of a lane begins in BAR2. */
export function rxRing(slots: number, lane: number): number {
  return INDEX_BYTES + (1 + lane) * slots * SLOT_BYTES;
}

/** Bytes of BAR2: a power of two. */
export function ringsBytes(slots: number, lanes: number): number {
  return 2 ** Math.ceil(Math.log2(rxRing(slots, lanes)));
}
