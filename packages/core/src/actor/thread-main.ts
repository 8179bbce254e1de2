/**
 * Entry of a worker thread that hosts actors. Attaches to the system's segment and answers control calls until it is
 * told to shut down. Started by `system.ts` only.
 */
import { workerData } from 'node:worker_threads';
import { expose } from 'comlink';
import { MediatedError, toWire } from '../errors.js';
import { markEventLoopThread } from '../sync/blocking.js';
import { currentThread, ThreadTable } from '../sync/threads.js';
import { type ActorDefinition, type RunningActor, startActor } from './actor.js';
import { Endpoint } from './endpoint.js';
import { PortMesh } from './ports.js';
import type { MessageMap } from './protocol.js';
import type { ActorSpec, HostData, Outcome, ThreadControl } from './thread-control.js';

const { attachment, commands, expected } = workerData as HostData;
ThreadTable.current().adopt(attachment.thread);
markEventLoopThread();
const endpoint = new Endpoint(
  attachment.segment,
  currentThread(),
  new PortMesh(attachment.control, attachment.peers),
  expected,
);
const running: RunningActor[] = [];

async function outcome<T>(run: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await run() };
  } catch (error) {
    return { error: toWire(error) };
  }
}

async function load(spec: ActorSpec): Promise<ActorDefinition<MessageMap, unknown>> {
  const module = (await import(spec.module)) as Record<string, unknown>;
  const definition = module[spec.export] as ActorDefinition<MessageMap, unknown> | undefined;
  if (definition === undefined || typeof definition.start !== 'function') {
    throw new MediatedError('EINVAL', `${spec.module} exports no actor named ${spec.export}`, { syscall: 'spawn' });
  }
  return definition;
}

const control: ThreadControl = {
  start: (spec) =>
    outcome(async () => {
      running.push(await startActor(endpoint, await load(spec), spec.id, spec.label, spec.options));
    }),
  stop: (id) =>
    outcome(async () => {
      const index = running.findIndex((actor) => actor.cell.id === id);
      if (index !== -1) await running.splice(index, 1)[0].stop();
    }),
  statistics: () => endpoint.statistics(),
  shutdown: () =>
    outcome(async () => {
      const failures: unknown[] = [];
      for (const actor of running.splice(0).reverse()) await actor.stop().catch((error) => failures.push(error));
      await new Promise<void>((resolve) => endpoint.inFlight.whenNone(resolve));
      endpoint.close();
      if (failures.length !== 0) throw failures[0];
    }),
};

expose(control, commands as never);
