/** Latency of asks at fixed rates: the actor against its peers. */
import { ratios } from '../figures.js';
import { latencies } from '../harness/open-loop.js';
import type { Part } from '../harness/part.js';
import { actorEcho, comlinkEcho, piscinaEcho, poolifierEcho, postMessageEcho, workerpoolEcho } from './peers.js';

const RATES = [2_000, 20_000, 100_000];
const MILLISECONDS = 250;

export const part: Part = async ({ rounds }) => {
  const contenders = [
    { name: 'actor', work: await actorEcho() },
    { name: 'postMessage', work: postMessageEcho() },
    { name: 'comlink', work: comlinkEcho() },
    { name: 'piscina', work: piscinaEcho({}) },
    { name: 'workerpool', work: workerpoolEcho() },
    { name: 'poolifier', work: poolifierEcho() },
  ];
  const { curves, p99 } = await latencies('an echo of one integer', contenders, RATES, MILLISECONDS, rounds);
  const [, rate] = RATES;
  return {
    figures: { p99_vs_postMessage: ratios(p99(rate, 'actor'), p99(rate, 'postMessage')) },
    readings: [],
    curves,
    notes: [],
  };
};
