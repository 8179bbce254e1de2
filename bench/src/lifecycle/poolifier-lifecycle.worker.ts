/** The plain protocol behind poolifier: tasks by name, the state is the pool thread's. */
import { workerData } from 'node:worker_threads';
import { ThreadWorker } from 'poolifier';
import type { BenchDriverOptions } from './bench-driver.js';
import { plainProtocol } from './plain-protocol.js';

const { create, remove } = plainProtocol(workerData as BenchDriverOptions);
export default new ThreadWorker<unknown, unknown>({
  create: (uuid) => create(uuid as string),
  remove: (handle) => remove(handle as number),
});
