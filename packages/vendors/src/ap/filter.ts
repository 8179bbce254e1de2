/**
 * What a guest gets of a matrix (ap section 5), and telling it. Under the bus's mutex.
 */
import type { ApMemory } from './ap-memory.js';
import { bitsOf, both, clearBit, emptyMask, hasBit, isEqual, type Mask, setBit } from './masks.js';
import type { MatrixRecord } from './matrix-record.js';
import { Queue } from './queue.js';
import { resetQueues } from './reset.js';

/** What a filtering has done. */
export interface Filtered {
  readonly changed: boolean;
  /** Adapters that the guest had and has no longer. */
  readonly lost: Mask;
}

/** Filters adapters and domains. An adapter of which one queue cannot be had goes as a whole. */
export function filterMatrix(ap: ApMemory, record: MatrixRecord): Filtered {
  const [adapters, domains] = record.shadow;
  const before = [Int32Array.from(adapters), Int32Array.from(domains)] as const;
  const lost = emptyMask();
  adapters.set(both(record.matrix[0], ap.host[0]));
  domains.set(both(record.matrix[1], ap.host[1]));
  const columns = bitsOf(domains);
  for (const adapter of bitsOf(adapters)) {
    const isWhole = columns.every((domain) => {
      const queue = new Queue(ap, (adapter << 8) | domain);
      return queue.link === record.index && queue.passable;
    });
    if (isWhole) continue;
    clearBit(adapters, adapter);
    if (hasBit(before[0], adapter)) setBit(lost, adapter);
  }
  return { changed: !isEqual(adapters, before[0]) || !isEqual(domains, before[1]), lost };
}

/** Filters control domains; returns whether they changed. */
export function filterControlDomains(ap: ApMemory, record: MatrixRecord): boolean {
  const filtered = both(record.matrix[2], ap.host[2]);
  if (isEqual(filtered, record.shadow[2])) return false;
  record.shadow[2].set(filtered);
  return true;
}

/** The guest, if there is one, gets what the shadow says. */
export function updateGuest(record: MatrixRecord): void {
  record.guest?.setMasks(record.shadow);
}

/** Filters again and brings the guest up to date: masks first, then the queues that it has lost are reset. */
export async function refilter(ap: ApMemory, record: MatrixRecord): Promise<void> {
  const { changed, lost } = filterMatrix(ap, record);
  if (changed) updateGuest(record);
  await resetLost(ap, record, lost);
}

/** Resets the queues of adapters that were filtered out. */
export async function resetLost(ap: ApMemory, record: MatrixRecord, lost: Mask): Promise<void> {
  await resetQueues(ap, record.linked(lost, record.shadow[1]));
}
