/** Reads of a 4-byte register a second, 64 in flight: a device file against the same device behind comlink. */
import { Worker } from 'node:worker_threads';
import { Runtime } from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import { wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { chained } from '../harness/timing.js';
import type { ComlinkRegisters } from './comlink-registers.worker.js';
import { REGISTER_TYPE } from './register-driver.js';

const MILLISECONDS = 400;
const READS_IN_FLIGHT = 64;
const REGISTERS = 16;

/** A read of a register. */
export type Read = (position: number) => Promise<Uint8Array>;

/** A device file. */
export async function deviceReads(): Promise<Read> {
  const runtime = Runtime.start();
  await runtime.loadDriver(new URL('./register-driver.js', import.meta.url), { parents: [{ name: 'parent' }] });
  const file = await openDevice(runtime.bus, await runtime.bus.parent('parent').create(REGISTER_TYPE));
  return (position) => file.read(position, 4);
}

/** The same device behind comlink. */
export function comlinkReads(): Read {
  const worker = new Worker(new URL('./comlink-registers.worker.js', import.meta.url));
  const remote = wrap<ComlinkRegisters>(nodeEndpoint(worker));
  return (position) => remote.read(position, 4);
}

function reading(read: Read): Promise<number> {
  return chained(READS_IN_FLIGHT, MILLISECONDS, async (meter, index) => {
    const register = index % REGISTERS;
    while (meter.running) {
      if ((await read(register * 4))[0] !== register) throw new Error('a register has another value');
      meter.tick();
    }
  });
}

export const part: Part = async ({ rounds }) => {
  const device = await deviceReads();
  const peer = comlinkReads();
  const [file, comlink] = await alternate(
    [
      { name: 'device file', measure: () => reading(device) },
      { name: 'comlink', measure: () => reading(peer) },
    ],
    rounds,
  );
  return {
    figures: { read_vs_comlink: ratios(file, comlink) },
    readings: [
      { name: 'register reads, device file', unit: '/s', values: file },
      { name: 'register reads, comlink', unit: '/s', values: comlink },
    ],
    notes: [],
  };
};
