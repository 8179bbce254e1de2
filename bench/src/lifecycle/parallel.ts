/**
 * Life cycles a second when a probe takes 20 us of work: two parents on two threads, and one parent on two threads,
 * against one parent on one thread. One client keeps all of them busy.
 */
import { Runtime } from '@mediated/core';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { chained, IN_FLIGHT } from '../harness/timing.js';
import { BENCH_DRIVER, cycle, UUIDS } from './peers.js';
import { roundsFor } from './work.js';

const PROBE_MICROSECONDS = 20;
const MILLISECONDS = 600;

export const part: Part = async ({ rounds }) => {
  const options = { stateBytes: 256, workRounds: roundsFor(PROBE_MICROSECONDS) };
  const runtime = Runtime.start();
  // The first parent is on the driver's first thread, the second on its second, the third on both.
  const parents = [{ name: 'first' }, { name: 'second' }, { name: 'both', threads: 2 }];
  await runtime.loadDriver(BENCH_DRIVER, { threads: 2, options, parents });
  const [first, second, both] = parents.map(({ name }) => runtime.bus.parent(name));
  const contender = (name: string, ...asked: (typeof first)[]) => ({
    name,
    measure: () =>
      chained(IN_FLIGHT, MILLISECONDS, (meter, index) => cycle(asked[index % asked.length], meter, UUIDS[index])),
  });
  const contenders = [
    contender('one parent, one thread', first),
    contender('two parents, a thread each', first, second),
    contender('one parent, two threads', both),
  ];
  const [one, two, shared] = await alternate(contenders, rounds);
  return {
    figures: { two_parents_speedup: ratios(two, one), one_parent_two_threads_speedup: ratios(shared, one) },
    readings: [one, two, shared].map((values, index) => ({
      name: `20 us probes, ${contenders[index].name}`,
      unit: '/s',
      values,
    })),
    notes: [],
  };
};
