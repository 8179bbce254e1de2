/** Time of a blocking ask from a worker: against two threads that do nothing but answer each other over two words. */
import { Worker } from 'node:worker_threads';
import { ActorSystem } from '@mediated/core/actor';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import type { BlockingClientData } from './blocking-client.worker.js';
import { echoActor } from './echo-actor.js';
import { pingPong, told } from './ping-pong.js';

const ASKS = 200_000;

export const part: Part = async ({ rounds }) => {
  const system = ActorSystem.start();
  const echo = await system.spawn(echoActor, undefined);
  const { ticket, transfer } = system.invite();
  const client = new Worker(new URL('./blocking-client.worker.js', import.meta.url), {
    workerData: { ticket, echo: echo.handle } satisfies BlockingClientData,
    transferList: transfer,
  });
  const [asking, spinning] = await alternate(
    [{ name: 'blocking ask', measure: () => told(client, ASKS) }, pingPong()],
    rounds,
  );
  return {
    figures: { blocking_vs_spin: ratios(asking, spinning) },
    readings: [
      { name: 'one blocking ask', unit: 'ns', values: asking },
      { name: 'one round of a bare ping-pong', unit: 'ns', values: spinning },
    ],
    notes: [],
  };
};
