/**
 * `diagnostics_channel` names of waits for locks: documented API. Published by `wait-queue.ts` on the thread that waits, when it
 * has spun in vain and when it goes on, with or without the lock. Without subscribers a wait costs one look at a flag.
 */
import { channel } from 'node:diagnostics_channel';

/** Message of both channels. */
export interface LockWaitNotice {
  /** The lock's name: `class: instance`, like `gate: card0`; empty when it has none. */
  readonly lock: string;
  /** What waits: `lock`, `acquireSync`, `write`... */
  readonly operation: string;
}

export const waitStarted = channel('mediated:lock:wait:start');
export const waitEnded = channel('mediated:lock:wait:end');
