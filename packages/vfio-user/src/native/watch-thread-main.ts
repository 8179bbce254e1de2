/** The thread that sleeps for descriptors of the one that started it (`watch-thread.ts`), and does nothing else. */
import { parentPort, workerData } from 'node:worker_threads';
import { sleepFor } from './loop-sleep.js';
import type { WatchThreadOptions } from './watch-thread-protocol.js';

const port = parentPort;
if (port === null) throw new Error('this is the code of a worker');
const { set, stop } = workerData as WatchThreadOptions;
await sleepFor(
  set,
  (words) => port.postMessage(words),
  () => Atomics.load(stop, 0) !== 0,
);
