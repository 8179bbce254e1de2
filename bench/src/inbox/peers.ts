/**
 * The echo behind each peer, on one worker thread each, asked from the calling thread.
 */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ActorSystem } from '@mediated/core/actor';
import { wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { Piscina } from 'piscina';
import { FixedThreadPool } from 'poolifier';
import { pool as workerpool } from 'workerpool';
import type { PiscinaConfiguration } from '../harness/piscina-configurations.js';
import type { EchoAsk } from '../harness/timing.js';
import type { ComlinkEcho } from './comlink-echo.worker.js';
import { echoActor } from './echo-actor.js';
import type { NumberedMessage } from './post-message-echo.worker.js';

/** An actor on a thread of its own. */
export async function actorEcho(): Promise<EchoAsk> {
  const system = ActorSystem.start();
  const ref = await system.spawn(echoActor, undefined);
  return (value) => ref.ask('echo', value);
}

/** A worker wrapped by comlink. */
export function comlinkEcho(): EchoAsk {
  const remote = wrap<ComlinkEcho>(nodeEndpoint(new Worker(new URL('./comlink-echo.worker.js', import.meta.url))));
  return (value) => remote.echo(value);
}

/** A worker with a promise per message and a map from ids to them. */
export function postMessageEcho(): EchoAsk {
  const worker = new Worker(new URL('./post-message-echo.worker.js', import.meta.url));
  const waiting = new Map<number, (value: number) => void>();
  let lastId = 0;
  worker.on('message', ({ id, value }: NumberedMessage) => {
    const resolve = waiting.get(id);
    waiting.delete(id);
    resolve?.(value);
  });
  return (value) =>
    new Promise((resolve) => {
      const id = ++lastId;
      waiting.set(id, resolve);
      worker.postMessage({ id, value } satisfies NumberedMessage);
    });
}

/** A pool with one thread. */
export function piscinaEcho(configuration: PiscinaConfiguration): EchoAsk {
  const pool = new Piscina({
    filename: new URL('./piscina-echo.worker.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    ...configuration,
  });
  return (value) => pool.run(value);
}

/** A pool with one thread, with its default options. */
export function workerpoolEcho(): EchoAsk {
  const script = fileURLToPath(new URL('./workerpool-echo.worker.js', import.meta.url));
  const pool = workerpool(script, { workerType: 'thread', minWorkers: 1, maxWorkers: 1 });
  return async (value) => (await pool.exec('echo', [value])) as number;
}

/** A pool with one thread, with its default options: all that is asked is sent at once. */
export function poolifierEcho(): EchoAsk {
  const script = fileURLToPath(new URL('./poolifier-echo.worker.js', import.meta.url));
  const pool = new FixedThreadPool<number, number>(1, script);
  return (value) => pool.execute(value);
}
