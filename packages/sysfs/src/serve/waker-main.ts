/** The thread that gets the server of a mount out of `read(2)`: see `parking.ts`. It makes requests and nothing else. */
import { statSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { type Bed, waitUntilRung } from './parking.js';

/** What the thread is started with. */
export interface WakerOptions extends Bed {
  /** The path that it looks up. */
  readonly path: string;
}

const { path, ...bed } = workerData as WakerOptions;

for (let rung = true; rung; ) {
  rung = waitUntilRung(bed);
  try {
    statSync(path, { throwIfNoEntry: false });
  } catch {
    // Any answer will do, also that the mount is gone: then the server is awake.
  }
}
