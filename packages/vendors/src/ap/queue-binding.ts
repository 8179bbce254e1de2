/**
 * Queues that come to vfio_ap and go from it, and changes of the host's configuration, as the AP bus tells the driver of
 * them (ap section 8). Under the bus's mutex; on the thread of whoever changes the bus.
 */
import type { ApMemory } from './ap-memory.js';
import { ADAPTERS, DOMAINS, isShadowed } from './assignment.js';
import { filterControlDomains, filterMatrix, refilter, resetLost, updateGuest } from './filter.js';
import { freeInterrupt } from './interrupts.js';
import { bitsOf, both, clearBit, hasBit, intersects, isEmpty, type Mask, maskOf, without } from './masks.js';
import { MatrixRecord } from './matrix-record.js';
import type { Queue } from './queue.js';
import { resetQueues } from './reset.js';
import type { Masks } from './written.js';

/** Oldest adapter type whose queues vfio_ap takes (CEX4). */
const OLDEST_TYPE = 10;

/** Whether a queue is for vfio_ap: no default driver owns it, and its card is new enough. */
export function isEligible(ap: ApMemory, queue: Queue): boolean {
  const isOwned = hasBit(ap.ownership[0], queue.adapter) && hasBit(ap.ownership[1], queue.domain);
  return !isOwned && (ap.adapterTypes[queue.adapter] as number) >= OLDEST_TYPE;
}

/** vfio_ap takes a queue; the device that it is assigned to may give it to its guest. */
export async function probeQueue(ap: ApMemory, queue: Queue): Promise<void> {
  queue.bound = true;
  const record = holderOf(ap, queue);
  if (record === undefined) return;
  queue.link = record.index;
  // One update of the guest at the end of the bus's scan, not one per queue.
  if (isEmpty(record.added[ADAPTERS]) && isEmpty(record.added[DOMAINS])) await refilter(ap, record);
}

/** vfio_ap lets a queue go. A guest that has it loses the whole adapter. */
export async function removeQueue(ap: ApMemory, queue: Queue): Promise<void> {
  const { adapter, domain, link } = queue;
  const record = link < 0 ? undefined : new MatrixRecord(ap, link);
  if (record !== undefined && isShadowed(record, adapter, domain)) {
    const alone = maskOf([adapter]);
    clearBit(record.shadow[ADAPTERS], adapter);
    updateGuest(record);
    await resetQueues(ap, record.linked(alone, record.shadow[DOMAINS]));
  } else if (hasBit(ap.host[0], adapter) && hasBit(ap.host[1], domain)) {
    await resetQueues(ap, [queue]);
  } else {
    freeInterrupt(ap, queue);
  }
  queue.link = -1;
  queue.bound = false;
}

/**
 * The host's configuration becomes another one. What goes leaves the guests at once and stays in the matrices; what
 * comes is noted, and filtered in at the end of the scan.
 */
export function changeHost(ap: ApMemory, wanted: Masks): void {
  const removed = ap.host.map((mask, i) => without(mask, wanted[i] as Mask));
  const added = ap.host.map((mask, i) => without(wanted[i] as Mask, mask));
  for (const adapter of bitsOf(added[ADAPTERS] as Mask)) {
    if ((ap.adapterTypes[adapter] as number) < OLDEST_TYPE) clearBit(added[ADAPTERS] as Mask, adapter);
  }
  for (const record of MatrixRecord.all(ap)) {
    let lost = false;
    for (const [i, mask] of record.shadow.entries()) {
      if (!intersects(mask, removed[i] as Mask)) continue;
      mask.set(without(mask, removed[i] as Mask));
      lost = true;
    }
    if (lost) updateGuest(record);
    for (const [i, mask] of record.added.entries()) mask.set(both(added[i] as Mask, record.matrix[i] as Mask));
  }
  for (const [i, mask] of ap.host.entries()) mask.set(wanted[i] as Mask);
}

/** The bus has looked for queues after a change: guests get what has come, in one update each. */
export async function completeScan(ap: ApMemory): Promise<void> {
  for (const record of MatrixRecord.all(ap)) {
    const [adapters, domains, controlDomains] = record.added;
    const matrix = !isEmpty(adapters) || !isEmpty(domains) ? filterMatrix(ap, record) : undefined;
    const control = !isEmpty(controlDomains) && filterControlDomains(ap, record);
    if (control || matrix?.changed === true) updateGuest(record);
    if (matrix !== undefined) await resetLost(ap, record, matrix.lost);
    for (const mask of record.added) mask.fill(0);
  }
}

/** The device that has a queue in its matrix. */
export function holderOf(ap: ApMemory, queue: Queue): MatrixRecord | undefined {
  for (const record of MatrixRecord.all(ap)) {
    if (hasBit(record.matrix[ADAPTERS], queue.adapter) && hasBit(record.matrix[DOMAINS], queue.domain)) return record;
  }
  return undefined;
}
