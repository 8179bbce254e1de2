/** Starting a thread that hosts an actor, until the actor has answered: against a bare worker, until it has. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ActorDefinition, ActorSystem, MessageMap } from '@mediated/core/actor';
import { ratios } from '../figures.js';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import { type Core, cores } from './packed.js';

/** An actor of a given core: its thread loads that core and nothing else. */
function actorOf({ actor }: Core): string {
  const code = `import { ask, defineActor, defineProtocol, int } from ${JSON.stringify(actor.href)};
    export const echo = defineActor({
      module: import.meta.url,
      name: 'echo',
      protocol: defineProtocol({ echo: ask([int], int) }),
      start: () => ({ handlers: { echo: (n) => n } }),
    });`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** How long the thread of a new actor takes to answer, in milliseconds. */
async function starter(core: Core): Promise<() => Promise<number>> {
  const { ActorSystem: System } = (await import(core.actor.href)) as { ActorSystem: typeof ActorSystem };
  const { echo } = (await import(actorOf(core))) as { echo: ActorDefinition<MessageMap, undefined> };
  return async () => {
    const system = System.start();
    const start = performance.now();
    await system.spawn(echo, undefined);
    const taken = performance.now() - start;
    await system.close();
    return taken;
  };
}

async function bareWorker(): Promise<number> {
  const start = performance.now();
  const worker = new Worker("require('node:worker_threads').parentPort.postMessage(1)", { eval: true });
  // Asked for now: a worker that has ended by the time its message is read reports both in one go.
  const ended = once(worker, 'exit');
  await once(worker, 'message');
  const taken = performance.now() - start;
  await ended;
  return taken;
}

export const part: Part = async ({ rounds }) => {
  const [packed, workspace] = await Promise.all((await cores()).map(starter));
  const contenders = [
    { name: 'a bare worker', measure: bareWorker },
    { name: 'a thread with an actor, packed', measure: packed },
    { name: 'a thread with an actor, a file per module', measure: workspace },
  ];
  const readings = await alternate(contenders, rounds);
  const [bare, hosted] = readings;
  return {
    figures: { thread_vs_worker: ratios(hosted, bare) },
    readings: contenders.map(({ name }, index) => ({ name, unit: 'ms', values: readings[index] })),
    notes: [],
  };
};
