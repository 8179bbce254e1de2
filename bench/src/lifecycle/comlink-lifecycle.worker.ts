/** The plain protocol behind comlink, on a worker thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { BenchDriverOptions } from './bench-driver.js';
import { plainProtocol } from './plain-protocol.js';

if (parentPort === null) throw new Error('this file runs in a worker');
expose(plainProtocol(workerData as BenchDriverOptions), nodeEndpoint(parentPort));
