/** Asks a second with 256 in flight: the actor against comlink, piscina, workerpool, poolifier and postMessage. */
import { ratios } from '../figures.js';
import { alternate, fastest } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { PISCINA_CONFIGURATIONS } from '../harness/piscina-configurations.js';
import { type EchoAsk, pipelined } from '../harness/timing.js';
import { actorEcho, comlinkEcho, piscinaEcho, poolifierEcho, postMessageEcho, workerpoolEcho } from './peers.js';

const MILLISECONDS = 400;
/** What a user of piscina gets who sets nothing. */
const [usual] = PISCINA_CONFIGURATIONS;

export const part: Part = async ({ rounds }) => {
  const contender = (name: string, ask: EchoAsk) => ({ name, measure: () => pipelined(ask, MILLISECONDS) });
  const piscina = await fastest(
    PISCINA_CONFIGURATIONS.map(({ name, configuration }) => contender(name, piscinaEcho(configuration))),
  );
  const contenders = [
    contender('actor', await actorEcho()),
    contender('postMessage', postMessageEcho()),
    contender('comlink', comlinkEcho()),
    { ...piscina, name: `piscina with ${piscina.name}` },
    contender(`piscina with ${usual.name}`, piscinaEcho(usual.configuration)),
    contender('workerpool', workerpoolEcho()),
    contender('poolifier', poolifierEcho()),
  ];
  const readings = await alternate(contenders, rounds);
  const [actor, postMessage, comlink, pool, usualPool, workerpool, poolifier] = readings;
  return {
    figures: {
      pipelined_vs_comlink: ratios(actor, comlink),
      pipelined_vs_piscina: ratios(actor, usualPool),
      pipelined_vs_piscina_tuned: ratios(actor, pool),
      pipelined_vs_workerpool: ratios(actor, workerpool),
      pipelined_vs_poolifier: ratios(actor, poolifier),
      pipelined_vs_postMessage: ratios(actor, postMessage),
    },
    readings: readings.map((values, index) => ({
      name: `256 in flight, ${contenders[index].name}`,
      unit: '/s',
      values,
    })),
    notes: [`piscina was tuned best with ${piscina.name}`],
  };
};
