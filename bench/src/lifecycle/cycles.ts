/** Life cycles a second, 256 in flight: a real parent and driver against the same protocol behind the peers. */
import { ratios } from '../figures.js';
import { alternate, fastest } from '../harness/alternate.js';
import { ONE_THREAD } from '../harness/one-thread-pools.js';
import type { Part } from '../harness/part.js';
import { PISCINA_CONFIGURATIONS } from '../harness/piscina-configurations.js';
import {
  comlinkCycles,
  type LifeCycles,
  lifecyclePools,
  piscinaCycles,
  plainCycles,
  poolCycles,
  runtimeCycles,
} from './peers.js';

const MILLISECONDS = 400;
/** A device is 256 bytes of state and probing it takes no work. */
const DEVICE = { stateBytes: 256, workRounds: 0 };

export const part: Part = async ({ rounds }) => {
  const contender = (name: string, cycles: LifeCycles) => ({ name, measure: () => cycles(MILLISECONDS) });
  const piscina = await fastest(
    PISCINA_CONFIGURATIONS.map(({ name, configuration }) => contender(name, piscinaCycles(DEVICE, configuration))),
  );
  const contenders = [
    contender('actor', await runtimeCycles(DEVICE)),
    contender('comlink', comlinkCycles(DEVICE)),
    ...lifecyclePools(DEVICE).map(({ name, call }) => contender(name, poolCycles(call))),
    { ...piscina, name: `piscina with ${piscina.name}` },
    contender('plain calls on one thread', plainCycles(DEVICE)),
  ];
  const readings = await alternate(contenders, rounds);
  const [actor, comlink, usualPiscina, workerpool, poolifier, tunedPiscina, plain] = readings;
  return {
    figures: {
      vs_comlink: ratios(actor, comlink),
      vs_piscina: ratios(actor, usualPiscina),
      vs_piscina_tuned: ratios(actor, tunedPiscina),
      vs_workerpool: ratios(actor, workerpool),
      vs_poolifier: ratios(actor, poolifier),
      vs_plain: ratios(actor, plain),
    },
    readings: readings.map((values, index) => ({
      name: `life cycles, ${contenders[index].name}`,
      unit: '/s',
      values,
    })),
    notes: [`piscina was tuned best with ${piscina.name}`, ONE_THREAD],
  };
};
