/**
 * The operations of `Atomics` as they are before explored threads get theirs replaced: for the scheduler's own words.
 * Imported before anything is replaced.
 */
export const { load, store, add, sub, or, wait, notify } = Atomics;

/** A typed array over shared memory that `Atomics` takes. */
export type AtomicArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;
