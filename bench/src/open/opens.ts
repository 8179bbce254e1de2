/** Opens and closes a second, 256 in flight: devices of a real driver against the same device files behind comlink and the thread pools. */
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import { ONE_THREAD } from '../harness/one-thread-pools.js';
import type { Part } from '../harness/part.js';
import { comlinkOpens, type Opens, plainOpens, poolOpens, runtimeOpens } from './peers.js';

const MILLISECONDS = 200;

export const part: Part = async ({ rounds }) => {
  const contender = (name: string, opens: Opens) => ({ name, measure: () => opens(MILLISECONDS) });
  const contenders = [
    contender('actor', await runtimeOpens()),
    contender('comlink', await comlinkOpens()),
    ...(await poolOpens()).map(({ name, opens }) => contender(name, opens)),
    contender('plain calls on one thread', plainOpens()),
  ];
  const readings = await alternate(contenders, rounds);
  const [actor, comlink, piscina, workerpool, poolifier, plain] = readings;
  return {
    figures: {
      vs_comlink: ratios(actor, comlink),
      vs_piscina: ratios(actor, piscina),
      vs_workerpool: ratios(actor, workerpool),
      vs_poolifier: ratios(actor, poolifier),
      vs_plain: ratios(actor, plain),
    },
    readings: readings.map((values, index) => ({
      name: `opens and closes, ${contenders[index].name}`,
      unit: '/s',
      values,
    })),
    notes: [ONE_THREAD],
  };
};
