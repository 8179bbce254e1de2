/** Latency of register reads at fixed rates: a device file against the same device behind comlink. */
import { ratios } from '../figures.js';
import { latencies } from '../harness/open-loop.js';
import type { Part } from '../harness/part.js';
import { comlinkReads, deviceReads } from './reads.js';

const RATES = [2_000, 20_000];
const MILLISECONDS = 250;

export const part: Part = async ({ rounds }) => {
  const [file, peer] = [await deviceReads(), comlinkReads()];
  const contenders = [
    { name: 'device file', work: () => file(8) },
    { name: 'comlink', work: () => peer(8) },
  ];
  const { curves, p99 } = await latencies('reading a register of 4 bytes', contenders, RATES, MILLISECONDS, rounds);
  const [, rate] = RATES;
  return {
    figures: { read_p99_vs_comlink: ratios(p99(rate, 'device file'), p99(rate, 'comlink')) },
    readings: [],
    curves,
    notes: [],
  };
};
