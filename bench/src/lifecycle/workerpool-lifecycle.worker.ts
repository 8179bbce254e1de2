/** The plain protocol behind workerpool: methods of its pool thread, whose state it is. */
import { workerData } from 'node:worker_threads';
import { worker } from 'workerpool';
import type { BenchDriverOptions } from './bench-driver.js';
import { plainProtocol } from './plain-protocol.js';

worker({ ...plainProtocol(workerData as BenchDriverOptions) });
