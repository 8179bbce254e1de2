/** Time of one awaited ask with nothing else going on: the actor against postMessage. */
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { roundTrip } from '../harness/timing.js';
import { actorEcho, postMessageEcho } from './peers.js';

const ASKS = 4000;

export const part: Part = async ({ rounds }) => {
  const actorAsk = await actorEcho();
  const postMessageAsk = postMessageEcho();
  const [actor, postMessage] = await alternate(
    [
      { name: 'actor', measure: () => roundTrip(actorAsk, ASKS) },
      { name: 'postMessage', measure: () => roundTrip(postMessageAsk, ASKS) },
    ],
    rounds,
  );
  return {
    figures: { roundtrip_vs_postMessage: ratios(actor, postMessage) },
    readings: [
      { name: 'one awaited ask, actor', unit: 'us', values: actor },
      { name: 'one awaited ask, postMessage', unit: 'us', values: postMessage },
    ],
    notes: [],
  };
};
