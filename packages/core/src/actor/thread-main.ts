/**
 * Entry of a worker thread that hosts actors. Attaches to the system's segment and answers control calls until it is
 * told to shut down. Started by `system.ts` only.
 */
import { workerData } from 'node:worker_threads';
import { MediatedError } from '../errors.js';
import { markEventLoopThread } from '../sync/blocking.js';
import { currentThread, ThreadTable } from '../sync/threads.js';
import { type ActorDefinition, type RunningActor, startActor } from './actor.js';
import { serveControl } from './control-calls.js';
import { Endpoint } from './endpoint.js';
import { PortMesh } from './ports.js';
import type { MessageMap } from './protocol.js';
import type { ActorSpec, HostData, ThreadControl } from './thread-control.js';

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

async function load(spec: ActorSpec): Promise<ActorDefinition<MessageMap, unknown>> {
  const module = (await import(spec.module)) as Record<string, unknown>;
  const definition = module[spec.export] as ActorDefinition<MessageMap, unknown> | undefined;
  if (definition === undefined || typeof definition.start !== 'function') {
    throw new MediatedError('EINVAL', `${spec.module} exports no actor named ${spec.export}`, { syscall: 'spawn' });
  }
  return definition;
}

const control: ThreadControl = {
  async start(spec) {
    running.push(await startActor(endpoint, await load(spec), spec.id, spec.label, spec.options));
  },
  async stop(id) {
    const index = running.findIndex((actor) => actor.cell.id === id);
    if (index !== -1) await running.splice(index, 1)[0].stop();
  },
  statistics: () => endpoint.statistics(),
  async shutdown() {
    const failures: unknown[] = [];
    for (const actor of running.splice(0).reverse()) await actor.stop().catch((error) => failures.push(error));
    await new Promise<void>((resolve) => endpoint.inFlight.whenNone(resolve));
    endpoint.close();
    if (failures.length !== 0) throw failures[0];
  },
};

serveControl(commands, control);
