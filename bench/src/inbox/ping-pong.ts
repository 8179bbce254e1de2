/** The least that two threads need to answer each other, as a contender; used by the parts about blocking calls. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Contender } from '../harness/alternate.js';
import type { PingPongData } from './ping-pong.worker.js';

const ROUNDS = 200_000;

/** Nanoseconds per round. */
export function pingPong(): Contender {
  const words = new SharedArrayBuffer(256);
  const [ping, pong] = ([0, 1] as const).map(
    (side) =>
      new Worker(new URL('./ping-pong.worker.js', import.meta.url), {
        workerData: { words, side } satisfies PingPongData,
      }),
  );
  return {
    name: 'bare ping-pong',
    measure: async () => (await Promise.all([told(ping, ROUNDS), told(pong, ROUNDS)]))[0],
  };
}

/** Tells a worker how often; what it answers. */
export async function told(worker: Worker, count: number): Promise<number> {
  const answer = once(worker, 'message');
  worker.postMessage(count);
  return (await answer)[0] as number;
}
