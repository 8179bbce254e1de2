/**
 * The operations of `Atomics` as they are before explored threads get theirs replaced: for the scheduler's own words.
 * Imported before anything is replaced.
 */
export const { load, store, add, sub, or, wait, notify } = Atomics;
