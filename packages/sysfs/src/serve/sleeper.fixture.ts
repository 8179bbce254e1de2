/** A thread that sleeps as the server of a mount does, in a wait of its own instead of the kernel's, and reports each awakening. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Bed, waitUntilRung } from '#dist/serve/parking.js';

const bed = workerData as Bed;
while (waitUntilRung(bed)) {
  parentPort?.postMessage('rung');
  // The server would be awake now; the test is.
  await new Promise((resolve) => parentPort?.once('message', resolve));
}
parentPort?.postMessage('stopped');
parentPort?.close();
