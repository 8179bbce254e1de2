/**
 * Enables or disables a subchannel for its driver (ccw section 3, "Enable"). Called by `subchannel.ts`; what a machine
 * waits between two tries would block the whole thread, so they follow at once.
 */
import type { ErrnoName } from '@mediated/core';
import { IRB_BYTES, SCHIB } from './architected.js';
import type { SubchannelInstructions } from './instructions.js';

const TRIES = 5;

/** What is wanted of a subchannel. */
export interface Configuration {
  readonly enabled: 0 | 1;
  /** Interruption subclass. */
  readonly subclass: number;
  readonly intparm: number;
  readonly concurrentSense: 0 | 1;
}

/**
 * Modifies a subchannel. `read` stores its SCHIB; undefined: there is none.
 * Errors: ENODEV, EBUSY (status stays pending, or a function is under way), EAGAIN (the change did not last), EIO
 * (program check).
 */
export function configure(
  machine: SubchannelInstructions,
  read: () => Uint8Array | undefined,
  wanted: Configuration,
): ErrnoName | undefined {
  let schib = read();
  let error: ErrnoName | undefined;
  for (let tries = 0; tries < TRIES; tries++) {
    if (schib === undefined) return 'ENODEV';
    const modified = schib.slice();
    for (const field of ['enabled', 'subclass', 'intparm', 'concurrentSense'] as const) {
      SCHIB.set(modified, field, wanted[field]);
    }
    switch (machine.msch(modified)) {
      case 'program-check':
        return 'EIO';
      case 0:
        schib = read();
        if (schib !== undefined && lasts(schib, wanted)) return undefined;
        error = 'EAGAIN';
        break;
      case 1:
        error = 'EBUSY';
        if (machine.tsch(new Uint8Array(IRB_BYTES)) !== 0) return error;
        break;
      case 2:
        error = 'EBUSY';
        break;
      case 3:
        return 'ENODEV';
    }
  }
  return schib === undefined ? 'ENODEV' : error;
}

function lasts(schib: Uint8Array, wanted: Configuration): boolean {
  return SCHIB.get(schib, 'enabled') === wanted.enabled && SCHIB.get(schib, 'subclass') === wanted.subclass;
}
