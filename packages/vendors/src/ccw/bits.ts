/**
 * Big-endian structures of the architecture as data: fields are ranges of bits in 32-bit words, bit 0 the most
 * significant. Called by everything that looks into an ORB, SCSW, SCHIB, CCW or CRW; pure, on bytes of the caller.
 */

/** A field: index of its 32-bit word, first and last bit. */
export type BitField = readonly [word: number, first: number, last: number];

/** A structure of bit fields. */
export interface BitStruct<Name extends string> {
  /** Bytes. */
  readonly size: number;
  readonly fields: Readonly<Record<Name, BitField>>;
  /** The value of a field, unsigned; `at`: where in `bytes` the structure begins. */
  get(bytes: Uint8Array, name: Name, at?: number): number;
  /** Writes a field and leaves the others alone; what does not fit into it is cut off. */
  set(bytes: Uint8Array, name: Name, value: number, at?: number): void;
  /** New bytes with these fields, the others 0. */
  bytes(values: Partial<Record<Name, number>>): Uint8Array;
}

/** Declares a structure of `size` bytes, a multiple of four. */
export function defineBits<const Name extends string>(
  size: number,
  fields: Readonly<Record<Name, BitField>>,
): BitStruct<Name> {
  const set = (bytes: Uint8Array, name: Name, value: number, at = 0): void => {
    const [word, first, last] = fields[name];
    const mask = maskOf(first, last);
    const kept = readWord(bytes, at + word * 4) & ~(mask << (31 - last));
    writeWord(bytes, at + word * 4, kept | ((value & mask) << (31 - last)));
  };
  return {
    size,
    fields,
    get(bytes, name, at = 0) {
      const [word, first, last] = fields[name];
      return ((readWord(bytes, at + word * 4) >>> (31 - last)) & maskOf(first, last)) >>> 0;
    },
    set,
    bytes(values) {
      const bytes = new Uint8Array(size);
      for (const name of Object.keys(values) as Name[]) set(bytes, name, values[name] ?? 0);
      return bytes;
    },
  };
}

/** The big-endian word at byte `at`, unsigned. */
export function readWord(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** Stores the low 32 bits of `value` big-endian at byte `at`. */
export function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function maskOf(first: number, last: number): number {
  return last - first === 31 ? -1 : (1 << (last - first + 1)) - 1;
}
