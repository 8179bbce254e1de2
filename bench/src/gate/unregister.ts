/**
 * How long unregistering a parent takes while two clients keep creating devices on it, for each of the three gates. One
 * that is still waiting after the cap counts as the cap; the clients are then stopped so that it can end.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type GateKind, Runtime } from '@mediated/core';
import { alternate } from '../harness/alternate.js';
import type { Part } from '../harness/part.js';
import type { CreatorData, CreatorNews } from './creator.worker.js';

const KINDS = ['rwsem', 'refcount', 'srcu'] as const satisfies readonly GateKind[];
const CLIENTS = 2;
/** Milliseconds after which an unregistration counts as starved. */
const CAP = 1000;

async function news(worker: Worker, wanted: CreatorNews): Promise<void> {
  const [said] = await once(worker, 'message');
  if (said !== wanted) throw new Error(`a client said ${said} instead of ${wanted}`);
}

/** Milliseconds that unregistering takes under load, at most the cap. Call it again for the next round. */
async function underLoad(gate: GateKind): Promise<() => Promise<number>> {
  const runtime = Runtime.start({ gate });
  await runtime.loadDriver(new URL('./waiting-driver.js', import.meta.url));
  const stop = new SharedArrayBuffer(4);
  const words = new Int32Array(stop);
  const clients = Array.from({ length: CLIENTS }, () => {
    const { ticket, transfer } = runtime.invite();
    const worker = new Worker(new URL('./creator.worker.js', import.meta.url), {
      workerData: { ticket, stop } satisfies CreatorData,
      transferList: transfer,
    });
    runtime.watch(worker);
    return worker;
  });
  const all = (wanted: CreatorNews) => Promise.all(clients.map((client) => news(client, wanted)));
  return async () => {
    await runtime.registerParent({ name: 'parent', driver: 'waiting' });
    Atomics.store(words, 0, 0);
    const streaming = all('streaming');
    for (const client of clients) client.postMessage('parent');
    await streaming;
    const done = all('done');
    const start = performance.now();
    const unregistered = runtime.unregisterParent('parent').then(() => performance.now() - start);
    let timer: NodeJS.Timeout | undefined;
    const capped = new Promise<number>((resolve) => {
      timer = setTimeout(resolve, CAP, CAP);
    });
    const milliseconds = await Promise.race([unregistered, capped]);
    clearTimeout(timer);
    Atomics.store(words, 0, 1);
    await Promise.all([unregistered, done]);
    return milliseconds;
  };
}

export const part: Part = async ({ rounds }) => {
  const contenders = [];
  for (const name of KINDS) contenders.push({ name, measure: await underLoad(name) });
  const readings = await alternate(contenders, rounds);
  const notes = KINDS.flatMap((kind, index) => {
    const starved = readings[index].filter((reading) => reading === CAP).length;
    return starved === 0
      ? []
      : [`${kind} was still waiting after the cap of ${CAP} ms in ${starved} of ${rounds} rounds`];
  });
  return {
    figures: Object.fromEntries(KINDS.map((kind, index) => [`unregister_ms.${kind}`, readings[index]])),
    readings: KINDS.map((kind, index) => ({
      name: `unregistering under load, ${kind}`,
      unit: 'ms',
      values: readings[index],
    })),
    notes,
  };
};
