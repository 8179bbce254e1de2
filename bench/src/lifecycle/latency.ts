/** Latency of a create with its remove, at fixed rates: a real parent and driver against the same protocol behind comlink and the thread pools. */
import { Worker } from 'node:worker_threads';
import { Runtime } from '@mediated/core';
import { wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { ratios } from '../figures.js';
import { ONE_THREAD } from '../harness/one-thread-pools.js';
import { latencies } from '../harness/open-loop.js';
import type { Part } from '../harness/part.js';
import { BENCH_TYPE } from './bench-driver.js';
import { BENCH_DRIVER, lifecyclePools, poolCycle } from './peers.js';
import type { PlainProtocol } from './plain-protocol.js';

const RATES = [1_000, 10_000];
const MILLISECONDS = 250;
const DEVICE = { stateBytes: 256, workRounds: 0 };

export const part: Part = async ({ rounds }) => {
  const runtime = Runtime.start();
  await runtime.loadDriver(BENCH_DRIVER, { options: DEVICE, parents: [{ name: 'parent' }] });
  const parent = runtime.bus.parent('parent');
  const worker = new Worker(new URL('./comlink-lifecycle.worker.js', import.meta.url), { workerData: DEVICE });
  const remote = wrap<PlainProtocol>(nodeEndpoint(worker));
  const uuids = Array.from({ length: 1024 }, () => crypto.randomUUID());
  const contenders = [
    { name: 'actor', work: async (lane: number) => (await parent.create(BENCH_TYPE, uuids[lane])).remove() },
    { name: 'comlink', work: async (lane: number) => remote.remove(await remote.create(uuids[lane])) },
    ...lifecyclePools(DEVICE).map(({ name, call }) => ({
      name,
      work: (lane: number) => poolCycle(call, uuids[lane]),
    })),
  ];
  const { curves, p99 } = await latencies('creating and removing a device', contenders, RATES, MILLISECONDS, rounds);
  const [, rate] = RATES;
  return {
    figures: { p99_vs_comlink: ratios(p99(rate, 'actor'), p99(rate, 'comlink')) },
    readings: [],
    curves,
    notes: [ONE_THREAD],
  };
};
