/**
 * Brings whatever runs on a subchannel to its end, so that it can be disabled (ccw section 3). Called by the close
 * action, when disabling was refused because something runs.
 */
import type { ErrnoName } from '@mediated/core';
import type { CcwPrivate } from './private.js';
import { CLEAR_TRIES } from './subchannel.js';

/** Milliseconds that the interrupt of a halt or clear is waited for. */
const PATIENCE = 3000;

/** Cancels, halts or clears until the subchannel is disabled. Errors: those of the last try to disable it; EIO. */
export async function quiesce(device: CcwPrivate): Promise<ErrnoName | undefined> {
  const { subchannel, surroundings } = device;
  const budget = { left: CLEAR_TRIES };
  let error: ErrnoName | undefined = 'EBUSY';
  while (error === 'EBUSY') {
    const ended = subchannel.cancelHaltClear(budget);
    if (ended === 'EIO') return ended;
    if (ended === 'EBUSY') await device.nextInterrupt(PATIENCE);
    // What the interrupt left to do reads the channel program, which is freed next.
    await surroundings.works.flush();
    error = subchannel.disable();
  }
  return error;
}
