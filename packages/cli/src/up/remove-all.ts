/** Removes every device of a bus before it ends. Called by `up.ts`. */
import { type Bus, isMediatedError } from '@mediated/core';
import { counted } from '../counted.js';
import type { Report } from './report.js';

/** Milliseconds that devices in use are waited for when the configuration does not say. */
const PATIENCE = 5000;

/** Removes all devices at once; those that stay in use for too long are left to the end of the runtime. */
export async function removeAll(bus: Bus, report: Report, patience = PATIENCE): Promise<void> {
  const devices = bus.mdevs();
  let removed = 0;
  const removals = devices.map(async (mdev) => {
    try {
      await mdev.remove();
      removed++;
    } catch (error) {
      // Somebody else has removed it, or does so now, or its thread has died: it goes in any case.
      if (!isMediatedError(error)) throw error;
    }
  });
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patience);
  });
  await Promise.race([Promise.all(removals), deadline]);
  clearTimeout(timer);
  bus.drainEvents();
  const left = bus.mdevs().length;
  const lines = [
    ...(devices.length > 0 ? [`${counted(removed, 'device')} removed`] : []),
    ...(left > 0 ? [`${counted(left, 'device')} still in use, given up`] : []),
  ];
  report.tell('removed', { removed, left }, ...lines);
}
