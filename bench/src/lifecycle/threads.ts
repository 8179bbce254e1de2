/** Life cycles a second when a probe takes 20 us of work, by number of driver threads with a parent each. One client keeps all busy. */
import { Runtime } from '@mediated/core';
import { ratios } from '../figures.js';
import type { Part } from '../harness/part.js';
import { CORES } from '../harness/places.js';
import { scaling } from '../harness/scaling.js';
import { chained, IN_FLIGHT } from '../harness/timing.js';
import { BENCH_DRIVER, cycle, UUIDS } from './peers.js';
import { roundsFor } from './work.js';

const PROBE_MICROSECONDS = 20;
const MILLISECONDS = 300;
const NAME = 'parents, a thread each';

export const part: Part = async ({ rounds }) => {
  const options = { stateBytes: 256, workRounds: roundsFor(PROBE_MICROSECONDS) };
  const about =
    'Devices created and removed on so many parents, each on a thread of its own; a probe takes 20 us. One client asks.';
  const start = async (threads: number) => {
    const runtime = Runtime.start();
    const parents = Array.from({ length: threads }, (_, number) => ({ name: `parent${number}` }));
    await runtime.loadDriver(BENCH_DRIVER, { threads, options, parents });
    const asked = parents.map(({ name }) => runtime.bus.parent(name));
    const measure = () =>
      chained(IN_FLIGHT, MILLISECONDS, (meter, index) => cycle(asked[index % threads], meter, UUIDS[index]));
    return { contenders: [{ name: NAME, measure }], close: () => runtime.close() };
  };
  const { curves, of } = await scaling({ title: 'life cycles by threads', about }, start, rounds);
  return {
    figures: { 'threads_speedup.cores': ratios(of(NAME, CORES), of(NAME, 1)) },
    readings: [],
    curves,
    notes: [],
  };
};
