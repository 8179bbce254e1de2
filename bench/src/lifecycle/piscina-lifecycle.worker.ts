/** The plain protocol behind piscina: tasks by name, the state is the pool thread's. */
import { workerData } from 'piscina';
import type { BenchDriverOptions } from './bench-driver.js';
import { plainProtocol } from './plain-protocol.js';

export const { create, remove } = plainProtocol(workerData as BenchDriverOptions);
