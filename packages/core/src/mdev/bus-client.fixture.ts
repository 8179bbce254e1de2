/**
 * A client worker of a bus: does what the test posts, blocking, and posts what came of it, in order. The last word of
 * `block` is a job that never ends by itself.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { BusClient, type BusTicket, type Mdev } from '@mediated/core';

export interface ClientJob {
  readonly do:
    | 'create'
    | 'createSync'
    | 'remove'
    | 'removeSync'
    | 'find'
    | 'storeRemoveSync'
    | 'events'
    | 'pending'
    | 'close'
    | 'again'
    | 'exit';
  readonly parent?: string;
  readonly type?: string;
  readonly uuid?: string;
}

const ticket = workerData as BusTicket;
const client = BusClient.attach(ticket);
const { bus } = client;
const seen: string[] = [];
/** The handle of the last `find`. */
let kept: Mdev | undefined;
bus.events.on('uevent', ({ action, uuid, sequence }) => seen.push(`${sequence} ${action} ${uuid ?? ''}`));

async function run(job: ClientJob): Promise<unknown> {
  const parent = () => bus.parent(job.parent ?? '');
  const mdev = () => {
    const found = bus.mdev(job.uuid ?? '');
    if (found === undefined) throw Object.assign(new Error('no such device'), { code: 'none' });
    return found;
  };
  switch (job.do) {
    case 'create':
      return (await parent().create(job.type ?? '', job.uuid)).uuid;
    case 'createSync':
      return parent().createSync(job.type ?? '', job.uuid).uuid;
    case 'remove':
      return mdev().remove();
    case 'removeSync':
      return mdev().removeSync();
    case 'find':
      kept = mdev();
      return kept.uuid;
    case 'storeRemoveSync':
      return kept?.storeRemoveSync();
    case 'events':
      bus.drainEvents();
      return seen.splice(0);
    case 'pending': {
      const created = parent().create(job.type ?? '', job.uuid);
      client.close();
      return (await created).uuid;
    }
    case 'close':
      client.close();
      return 'closed';
    case 'again':
      return BusClient.attach(ticket).bus.parents().length;
    case 'exit':
      return process.exit(0);
  }
}

parentPort?.on('message', async (job: ClientJob) => {
  try {
    parentPort?.postMessage({ value: await run(job) });
  } catch (error) {
    parentPort?.postMessage({ code: (error as { code?: string }).code ?? String(error) });
  }
});
