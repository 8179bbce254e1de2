/**
 * Taking an AP bus for oneself: every operation of the driver's threads and of programs runs in here, whole. Before an
 * operation begins, devices are let go whose threads have died since the last one. If the last holder died within its
 * operation, what can be derived is derived anew: tables, shadows, guests' masks; a matrix is changed by its device's
 * own thread only, and went with it.
 */
import type { ApMemory } from './ap-memory.js';
import { dissolve } from './attachment.js';
import { filterControlDomains, refilter, updateGuest } from './filter.js';
import { bitsOf } from './masks.js';
import { MatrixRecord } from './matrix-record.js';
import { Queue } from './queue.js';
import { holderOf } from './queue-binding.js';

/** Runs `body` as the only one on the bus, and returns what it returns. */
export async function exclusively<T>(ap: ApMemory, body: () => T | Promise<T>): Promise<T> {
  using guard = await ap.mutex.lock();
  for (const record of MatrixRecord.all(ap)) if (!record.alive) await dissolve(ap, record);
  if (guard.ownerDied) {
    await repair(ap);
    ap.mutex.markConsistent();
  }
  return await body();
}

async function repair(ap: ApMemory): Promise<void> {
  for (const adapter of bitsOf(ap.host[0])) {
    for (const domain of bitsOf(ap.host[1])) {
      const queue = new Queue(ap, (adapter << 8) | domain);
      queue.link = queue.bound ? (holderOf(ap, queue)?.index ?? -1) : -1;
    }
  }
  for (const record of MatrixRecord.all(ap)) {
    filterControlDomains(ap, record);
    await refilter(ap, record);
    updateGuest(record);
  }
}
