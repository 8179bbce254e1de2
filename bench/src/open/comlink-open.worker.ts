/** The plain device files behind comlink, on a worker thread. */
import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { plainFiles } from './plain-files.js';

if (parentPort === null) throw new Error('this file runs in a worker');
expose(plainFiles(), nodeEndpoint(parentPort));
