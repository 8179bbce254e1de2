/** Life cycles a second, 256 in flight: a real parent and driver against the same protocol behind the peers. */
import { ratios } from '../figures.js';
import { alternate, fastest } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { PISCINA_CONFIGURATIONS } from '../harness/piscina-configurations.js';
import { comlinkCycles, type LifeCycles, piscinaCycles, plainCycles, runtimeCycles } from './peers.js';

const MILLISECONDS = 500;
/** What a user of piscina gets who sets nothing. */
const [usual] = PISCINA_CONFIGURATIONS;
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
    { ...piscina, name: `piscina with ${piscina.name}` },
    contender('plain calls on one thread', plainCycles(DEVICE)),
    contender(`piscina with ${usual.name}`, piscinaCycles(DEVICE, usual.configuration)),
  ];
  const [actor, comlink, pool, plain, usualPool] = await alternate(contenders, rounds);
  return {
    figures: {
      vs_comlink: ratios(actor, comlink),
      vs_piscina: ratios(actor, usualPool),
      vs_piscina_tuned: ratios(actor, pool),
      vs_plain: ratios(actor, plain),
    },
    readings: [actor, comlink, pool, plain, usualPool].map((values, index) => ({
      name: `life cycles, ${contenders[index].name}`,
      unit: '/s',
      values,
    })),
    notes: [`piscina was tuned best with ${piscina.name}`],
  };
};
