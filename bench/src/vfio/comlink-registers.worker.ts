/** The register device behind comlink, on a worker thread. */
import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { plainRegisters } from './plain-registers.js';

if (parentPort === null) throw new Error('this file runs in a worker');
expose(plainRegisters(), nodeEndpoint(parentPort));
