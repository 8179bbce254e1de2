/** Latency of register reads at fixed rates: a device file against the same device behind comlink and the thread pools. */
import { ratios } from '../figures.js';
import { ONE_THREAD } from '../harness/one-thread-pools.js';
import { latencies } from '../harness/open-loop.js';
import type { Part } from '../harness/part.js';
import { deviceReads, peerReads } from './reads.js';

const RATES = [2_000, 20_000];
const MILLISECONDS = 250;

export const part: Part = async ({ rounds }) => {
  const all = [{ name: 'device file', read: await deviceReads() }, ...peerReads()];
  const contenders = all.map(({ name, read }) => ({ name, work: () => read(8) }));
  const { curves, p99 } = await latencies('reading a register of 4 bytes', contenders, RATES, MILLISECONDS, rounds);
  const [, rate] = RATES;
  return {
    figures: { read_p99_vs_comlink: ratios(p99(rate, 'device file'), p99(rate, 'comlink')) },
    readings: [],
    curves,
    notes: [ONE_THREAD],
  };
};
