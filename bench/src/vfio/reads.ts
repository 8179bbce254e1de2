/** Reads of a 4-byte register a second, 64 in flight: a device file against the same device behind comlink and the thread pools. */
import { Worker } from 'node:worker_threads';
import { Runtime } from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import { wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import { ONE_THREAD, oneThreadPools } from '../harness/one-thread-pools.js';
import type { Part } from '../harness/part.js';
import { chained } from '../harness/timing.js';
import type { PlainRegisters } from './plain-registers.js';
import { REGISTER_TYPE } from './register-driver.js';

const MILLISECONDS = 300;
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

/** The same device behind comlink, and behind each pool. */
export function peerReads(): readonly { readonly name: string; readonly read: Read }[] {
  const worker = new Worker(new URL('./comlink-registers.worker.js', import.meta.url));
  const remote = wrap<PlainRegisters>(nodeEndpoint(worker));
  const file = (pool: string): URL => new URL(`./${pool}-registers.worker.js`, import.meta.url);
  const files = { piscina: file('piscina'), workerpool: file('workerpool'), poolifier: file('poolifier') };
  const pools = oneThreadPools(files);
  return [
    { name: 'comlink', read: (position) => remote.read(position) },
    ...pools.map(({ name, call }) => ({ name, read: (position: number) => call<Uint8Array>('read', position) })),
  ];
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
  const peers = [{ name: 'device file', read: await deviceReads() }, ...peerReads()];
  const readings = await alternate(
    peers.map(({ name, read }) => ({ name, measure: () => reading(read) })),
    rounds,
  );
  const [file, comlink, piscina, workerpool, poolifier] = readings;
  return {
    figures: {
      read_vs_comlink: ratios(file, comlink),
      read_vs_piscina: ratios(file, piscina),
      read_vs_workerpool: ratios(file, workerpool),
      read_vs_poolifier: ratios(file, poolifier),
    },
    readings: peers.map(({ name }, index) => ({
      name: `register reads, ${name}`,
      unit: '/s',
      values: readings[index],
    })),
    notes: [ONE_THREAD],
  };
};
