/**
 * Structures of the user API as data: fields in order, placed as a C compiler does on 64-bit little-endian machines.
 * Called by drivers and clients on byte arrays of their own; pure.
 */

/** How a field is stored. 64-bit fields are bigints. */
export type FieldKind = 'u8' | 'u16' | 'u32' | 's32' | 'u64';
type ValueOf<K extends FieldKind> = K extends 'u64' ? bigint : number;
type Fields = readonly (readonly [name: string, kind: FieldKind])[];

/** The values of a structure's fields by name. */
export type ValuesOf<F extends Fields> = { [E in F[number] as E[0]]: ValueOf<E[1]> };

const BYTES: Record<FieldKind, number> = { u8: 1, u16: 2, u32: 4, s32: 4, u64: 8 };

/** A structure: where its fields lie, and how they are read and written. */
export interface Struct<V> {
  readonly size: number;
  readonly offsets: Readonly<Record<keyof V & string, number>>;
  /** Reads all fields that lie within `bytes`; the others are 0. */
  decode(bytes: Uint8Array): V;
  /** Writes the fields that are given, and nothing else. Those beyond the end of `bytes` are dropped. */
  encode(bytes: Uint8Array, values: Partial<V>): void;
  /** New bytes of the structure's size, or longer. */
  bytes(values: Partial<V>, size?: number): Uint8Array;
}

/** The values of a structure, by its declaration: `ValuesOfStruct<typeof deviceInfo>`. */
export type ValuesOfStruct<S> = S extends Struct<infer V> ? V : never;

/** Declares a structure. */
export function defineStruct<const F extends Fields>(fields: F): Struct<ValuesOf<F>> {
  let end = 0;
  let alignment = 1;
  const places = fields.map(([name, kind]) => {
    const offset = Math.ceil(end / BYTES[kind]) * BYTES[kind];
    end = offset + BYTES[kind];
    alignment = Math.max(alignment, BYTES[kind]);
    return { name, kind, offset };
  });
  const size = Math.ceil(end / alignment) * alignment;
  const encode = (bytes: Uint8Array, values: Partial<ValuesOf<F>>): void => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const byName = values as Record<string, number | bigint | undefined>;
    for (const { name, kind, offset } of places) {
      const value = byName[name];
      if (value !== undefined && offset + BYTES[kind] <= bytes.length) put(view, offset, kind, value);
    }
  };
  return {
    size,
    offsets: Object.fromEntries(places.map(({ name, offset }) => [name, offset])) as Struct<ValuesOf<F>>['offsets'],
    decode(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const zero = (kind: FieldKind) => (kind === 'u64' ? 0n : 0);
      return Object.fromEntries(
        places.map(({ name, kind, offset }) => [
          name,
          offset + BYTES[kind] <= bytes.length ? get(view, offset, kind) : zero(kind),
        ]),
      ) as ValuesOf<F>;
    },
    encode,
    bytes(values, length = size) {
      const bytes = new Uint8Array(length);
      encode(bytes, values);
      return bytes;
    },
  };
}

function get(view: DataView, offset: number, kind: FieldKind): number | bigint {
  switch (kind) {
    case 'u8':
      return view.getUint8(offset);
    case 'u16':
      return view.getUint16(offset, true);
    case 'u32':
      return view.getUint32(offset, true);
    case 's32':
      return view.getInt32(offset, true);
    case 'u64':
      return view.getBigUint64(offset, true);
  }
}

function put(view: DataView, offset: number, kind: FieldKind, value: number | bigint): void {
  switch (kind) {
    case 'u8':
      return view.setUint8(offset, Number(value));
    case 'u16':
      return view.setUint16(offset, Number(value), true);
    case 'u32':
      return view.setUint32(offset, Number(value), true);
    case 's32':
      return view.setInt32(offset, Number(value), true);
    case 'u64':
      return view.setBigUint64(offset, BigInt(value), true);
  }
}
