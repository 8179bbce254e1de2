/** Opens and closes a second, 256 in flight: devices of a real driver against the same device files behind comlink. */
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { comlinkOpens, type Opens, plainOpens, runtimeOpens } from './peers.js';

const MILLISECONDS = 200;

export const part: Part = async ({ rounds }) => {
  const contender = (name: string, opens: Opens) => ({ name, measure: () => opens(MILLISECONDS) });
  const contenders = [
    contender('actor', await runtimeOpens()),
    contender('comlink', await comlinkOpens()),
    contender('plain calls on one thread', plainOpens()),
  ];
  const [actor, comlink, plain] = await alternate(contenders, rounds);
  return {
    figures: { vs_comlink: ratios(actor, comlink) },
    readings: [actor, comlink, plain].map((values, index) => ({
      name: `opens and closes, ${contenders[index].name}`,
      unit: '/s',
      values,
    })),
    notes: [],
  };
};
