/**
 * The words of an address space in shared memory. Everything here is read and written under the space's mutex, except
 * the words of {@link HEADER} that say so.
 *
 * Owner rules. Mappings (records, index, counts): the control thread alone writes them. Pins and dirty bits: whichever
 * thread is in the section. *Records are the truth, everything else is derived from them*: a record's STATE (or COUNT)
 * is written last when it comes and first when it goes; the sorted index, the hash chains and the sums follow. Whoever
 * takes the mutex after the death of an owner derives them anew (`address-space.ts`), so that a death leaves nothing
 * broken. 64-bit quantities are page numbers or page counts in doubles (`page.ts`).
 *
 * The space is reserved for the most it may ever hold; the operating system supplies pages as they are touched.
 */

/** The most mappings of a space: the kernel's default limit. */
export const MOST_MAPPINGS = 65_535;
/** The most physical groups of a space. */
export const MOST_GROUPS = 1024;

/** Words of the header. */
export const HEADER = {
  magic: 0,
  /** Which rules the space follows ({@link RULES}). Written once. */
  rules: 1,
  /** The most mappings at a time. Written once. */
  entries: 2,
  /** Room for pins and for words of dirty bits. Written once. */
  pinCapacity: 3,
  dirtyCapacity: 4,
  /** Mappings present. Derived. */
  mappings: 5,
  /** Records of mappings ever used. */
  mappingTop: 6,
  /** Mappings whose user address is invalid. Derived. */
  invalid: 7,
  /** Records of pins ever used. */
  pinTop: 8,
  /** First free record of a pin + 1, 0 if there is none below the top. Derived. */
  pinFree: 9,
  /** 1 while dirty pages are tracked. Control thread. */
  tracking: 10,
  /** Domains of physical groups. Control thread. */
  domains: 11,
  /** Devices that are told of unmaps. Control thread. */
  devices: 12,
  /** The id that the last mapping got. Control thread. */
  lastId: 13,
  /** Words of dirty bits in use. Control thread. */
  dirtyTop: 14,
  /** A double: pages that count against the limit. Derived. */
  locked: 16,
  /** A double: the limit, in pages. Written once. */
  lockedLimit: 18,
  /** One word per physical group ({@link GROUP}). */
  groups: 32,
} as const;
const HEADER_WORDS = HEADER.groups + MOST_GROUPS;

export const MAGIC_NUMBER = 0x696f_7661;

/** What {@link HEADER}.rules says. */
export const RULES = { type1v1: 1, type1v2: 2, ioas: 3 } as const;
export type Rules = (typeof RULES)[keyof typeof RULES];

/** A group's word: control thread, and from `unpinned` to `pinned` the group's first pin. */
export const GROUP = { free: 0, unpinned: 1, pinned: 2 } as const;

/** Words of a mapping's record; the first four are doubles. */
export const MAPPING = {
  start: 0,
  pages: 2,
  vaddr: 4,
  /** Byte of the segment at which the mapping begins. */
  memory: 6,
  /** {@link STATE}, 0: a free record. */
  state: 8,
  /** Segment id, 0: no memory behind it. */
  segment: 9,
  id: 10,
  owner: 11,
  /** Pin records in it. Derived. */
  pins: 12,
  /** First word of its dirty bits + 1, 0 if it has none. */
  dirty: 13,
} as const;
export const MAPPING_WORDS = 16;

/** Bits of a mapping's state. */
export const STATE = {
  used: 1,
  read: 2,
  write: 4,
  /** The user address is invalid for now (UNMAP_DMA with VADDR). */
  invalid: 8,
  /** Pinned as a whole and known to the domains. */
  mapped: 0x10,
  /** The process that made it is gone. */
  orphan: 0x20,
  /** Under unmap: no new access (ioas only). */
  blocked: 0x40,
} as const;

/** Words of a pin's record; the first is a double. */
export const PIN = {
  page: 0,
  /** Slot of the device that pinned it. */
  slot: 2,
  /** How often; 0: a free record. */
  count: 3,
  /** Next record of the chain + 1. Derived. */
  next: 4,
  /** Record of the mapping. */
  mapping: 5,
} as const;
export const PIN_WORDS = 8;
/** Hash chains of pins. */
export const PIN_CHAINS = 1 << 14;

/** Where the parts of a space lie, in words. */
export interface Plan {
  readonly index: number;
  readonly mappings: number;
  readonly chains: number;
  readonly pins: number;
  readonly dirty: number;
  readonly end: number;
}

export function planOf(pinCapacity: number, dirtyCapacity: number): Plan {
  const index = HEADER_WORDS;
  const mappings = index + (MOST_MAPPINGS + 1) / 2;
  const chains = mappings + MOST_MAPPINGS * MAPPING_WORDS;
  const pins = chains + PIN_CHAINS;
  const dirty = pins + pinCapacity * PIN_WORDS;
  return { index, mappings, chains, pins, dirty, end: dirty + dirtyCapacity };
}

/** The memory of a space, as its parts see it. */
export interface SpaceMemory {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly doubles: Float64Array<SharedArrayBuffer>;
  readonly plan: Plan;
}

/** Reads a double at a word. */
export function getDouble(memory: SpaceMemory, word: number): number {
  return memory.doubles[word >>> 1];
}

/** Writes a double at a word. */
export function setDouble(memory: SpaceMemory, word: number, value: number): void {
  memory.doubles[word >>> 1] = value;
}
