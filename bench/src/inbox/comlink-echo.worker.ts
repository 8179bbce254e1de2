/** The echo behind comlink: a worker that exposes one method on its parent port, through comlink's Node adapter. */
import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';

/** What the worker offers. */
export interface ComlinkEcho {
  echo(value: number): number;
}

if (parentPort === null) throw new Error('this file runs in a worker');
const offered: ComlinkEcho = { echo: (value) => value };
expose(offered, nodeEndpoint(parentPort));
