/**
 * Reads the lists of indirect-data-address words of a channel program from guest memory (ccw section 5, cp_prefetch).
 * Called by `channel-program.ts` on the device's thread, before the program is planned.
 */
import { MediatedError } from '@mediated/core';
import { CCW, CCW_FLAGS, TIC } from './architected.js';
import type { GuestMemory } from './guest-memory.js';
import { type AddressFormat, blockBytes, wordCount } from './indirect.js';
import type { Segment } from './segment-bounds.js';

/** What was read: all lists, one behind the other in the order of their CCWs. */
export interface Collected {
  readonly lists: BigUint64Array;
  /** The CCW whose list could not be read, counted through all segments; the lists end before it. */
  readonly failedAt?: number;
  readonly error?: unknown;
}

export function collectLists(memory: GuestMemory, segments: readonly Segment[], format: AddressFormat): Collected {
  const lists: bigint[] = [];
  const done = () => BigUint64Array.from(lists);
  let ordinal = 0;
  for (const { ccws } of segments) {
    for (let at = 0; at < ccws.length; at += CCW.size, ordinal++) {
      if (ccws[at] === TIC || (ccws[at + 1] & CCW_FLAGS.indirect) === 0) continue;
      try {
        for (const word of readList(memory, ccws, at, format)) lists.push(word);
      } catch (error) {
        return { lists: done(), failedAt: ordinal, error };
      }
    }
  }
  return { lists: done() };
}

/** The list is read twice, because its first word says how long it is; the guest must not change that word meanwhile. */
function readList(memory: GuestMemory, ccws: Uint8Array, at: number, format: AddressFormat): bigint[] {
  const address = CCW.get(ccws, 'address', at);
  const [first] = readWords(memory, address, 1, format.c64);
  const words = readWords(memory, address, wordCount(ccws, at, first, blockBytes(format)), format.c64);
  if (words[0] === first) return words;
  throw new MediatedError('EINVAL', `the list at 0x${address.toString(16)} was changed while it was read`, {
    syscall: 'write',
  });
}

function readWords(memory: GuestMemory, address: number, count: number, c64: boolean): bigint[] {
  const size = c64 ? 8 : 4;
  const bytes = new Uint8Array(count * size);
  memory.read(address, bytes);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: count }, (_, word) =>
    c64 ? view.getBigUint64(word * 8) : BigInt(view.getUint32(word * 4)),
  );
}
