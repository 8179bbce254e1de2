/**
 * The words of a record in the table of memory guards (`guard-table.ts`), and who may write which.
 *
 * OWNER slot of the device plus one, 0 while free; GENERATION counts up when it is given away and when it comes
 * back; STATE bits, written under the lock held for writing, or before anyone can read; LOCK where the lock lies in the
 * bus's lock space, from the record's first use on, for ever: so a late user of a stale guard takes a lock that is one;
 * ZAPS how often mappings were torn down, by atomic add. OWNER: by compare-and-swap from 0, back to 0 by the device's
 * thread, or by the supervising thread when that has died.
 */
export const OWNER = 0;
export const GENERATION = 1;
export const STATE = 2;
export const LOCK = 3;
export const ZAPS = 4;
export const RECORD_WORDS = 8;

/** Number of the record at a place of the words. */
export function recordAt(at: number): number {
  return at / RECORD_WORDS;
}
