/** The register device behind comlink, on a worker thread. */
import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { freshRegisters, readRegisters } from './register-driver.js';

/** What the worker offers. */
export interface ComlinkRegisters {
  read(position: number, length: number): Uint8Array;
}

if (parentPort === null) throw new Error('this file runs in a worker');
const registers = freshRegisters();
const offered: ComlinkRegisters = {
  read(position, length) {
    const into = new Uint8Array(length);
    return into.subarray(0, readRegisters(registers, position, into));
  },
};
expose(offered, nodeEndpoint(parentPort));
