/** Removes every device of a bus before it ends. Called by `up.ts`. */
import { type Bus, isMediatedError } from '@mediated/core';
import { counted } from '../counted.js';
import type { Report } from './report.js';

/** Milliseconds that devices in use are waited for when the configuration does not say. */
const PATIENCE = 5000;

/**
 * Removes all devices at once. After `patience` milliseconds `letGo` takes them away from the machines that use them; those that
 * stay in use all the same are left to the end of the runtime.
 */
export async function removeAll(
  bus: Bus,
  report: Report,
  patience = PATIENCE,
  letGo?: () => Promise<void>,
): Promise<void> {
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
  const all = Promise.all(removals);
  await atMost(patience, all);
  if (letGo !== undefined) {
    await letGo();
    await atMost(patience, all);
  }
  bus.drainEvents();
  const left = bus.mdevs().length;
  const lines = [
    ...(devices.length > 0 ? [`${counted(removed, 'device')} removed`] : []),
    ...(left > 0 ? [`${counted(left, 'device')} still in use, given up`] : []),
  ];
  report.tell('removed', { removed, left }, ...lines);
}

/** Waits for something, but not longer than so many milliseconds. */
async function atMost(milliseconds: number, something: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([something, deadline]).finally(() => clearTimeout(timer));
}
