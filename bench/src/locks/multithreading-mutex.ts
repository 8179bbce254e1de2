/**
 * The mutex of the npm package `multithreading`, over a buffer that both threads have. Used in its blocking form, the
 * faster one: the awaiting form goes through the event loop for every take.
 */
import { availableParallelism } from 'node:os';
import type { Mutex } from 'multithreading';

/** Opens the mutex that lies in `buffer` (4 bytes, zero when free). */
export async function openPeerMutex(buffer: SharedArrayBuffer): Promise<Mutex> {
  // The package reads the browser's `navigator` when it is imported; Node has one from version 21 on.
  if (!('navigator' in globalThis)) {
    Object.defineProperty(globalThis, 'navigator', { value: { hardwareConcurrency: availableParallelism() } });
  }
  const { Mutex: PeerMutex } = await import('multithreading');
  return new PeerMutex(undefined, buffer);
}
