/** Time of a blocking ask from a worker: against two threads that do nothing but answer each other over two words. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ActorSystem } from '@mediated/core/actor';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import type { BlockingClientData } from './blocking-client.worker.js';
import { echoActor } from './echo-actor.js';
import type { PingPongData } from './ping-pong.worker.js';

const ASKS = 200_000;
const ROUNDS_OF_PING_PONG = 200_000;

async function told(worker: Worker, count: number): Promise<number> {
  const answer = once(worker, 'message');
  worker.postMessage(count);
  return (await answer)[0] as number;
}

export const part: Part = async ({ rounds }) => {
  const system = ActorSystem.start();
  const echo = await system.spawn(echoActor, undefined);
  const { ticket, transfer } = system.invite();
  const client = new Worker(new URL('./blocking-client.worker.js', import.meta.url), {
    workerData: { ticket, echo: echo.handle } satisfies BlockingClientData,
    transferList: transfer,
  });
  const words = new SharedArrayBuffer(256);
  const [ping, pong] = ([0, 1] as const).map(
    (side) =>
      new Worker(new URL('./ping-pong.worker.js', import.meta.url), {
        workerData: { words, side } satisfies PingPongData,
      }),
  );
  const [asking, spinning] = await alternate(
    [
      { name: 'blocking ask', measure: () => told(client, ASKS) },
      {
        name: 'bare ping-pong',
        measure: async () => (await Promise.all([told(ping, ROUNDS_OF_PING_PONG), told(pong, ROUNDS_OF_PING_PONG)]))[0],
      },
    ],
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
