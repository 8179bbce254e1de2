/**
 * Devices of the open driver on one thread, behind each peer: open and close as promises for the calling thread. Every
 * chain of work has a device of its own, so that each open is a first one and each close a last one.
 */
import { Worker } from 'node:worker_threads';
import { Runtime } from '@mediated/core';
import { openDevice } from '@mediated/vfio';
import { wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { type OneThreadPool, oneThreadPools } from '../harness/one-thread-pools.js';
import { chained, IN_FLIGHT, Meter } from '../harness/timing.js';
import { OPEN_TYPE } from './open-driver.js';
import { type PlainFiles, plainFiles } from './plain-files.js';

/** Opens and closes a second over at least `milliseconds`. */
export type Opens = (milliseconds: number) => Promise<number>;

/** A UUID per chain of work. */
const UUIDS: readonly string[] = Array.from({ length: IN_FLIGHT }, () => crypto.randomUUID());

/** A real parent and driver. */
export async function runtimeOpens(): Promise<Opens> {
  const runtime = Runtime.start();
  await runtime.loadDriver(new URL('./open-driver.js', import.meta.url), { parents: [{ name: 'parent' }] });
  const { bus } = runtime;
  const parent = bus.parent('parent');
  const devices = await Promise.all(UUIDS.map((uuid) => parent.create(OPEN_TYPE, uuid)));
  return (milliseconds) =>
    chained(IN_FLIGHT, milliseconds, async (meter, index) => {
      while (meter.running) {
        const file = await openDevice(bus, devices[index]);
        await file.close();
        meter.tick();
      }
    });
}

/** The plain device files behind comlink. */
export async function comlinkOpens(): Promise<Opens> {
  const worker = new Worker(new URL('./comlink-open.worker.js', import.meta.url));
  const remote = wrap<PlainFiles>(nodeEndpoint(worker));
  const devices = await Promise.all(UUIDS.map((uuid) => remote.create(uuid)));
  return (milliseconds) =>
    chained(IN_FLIGHT, milliseconds, async (meter, index) => {
      while (meter.running) {
        await remote.close(await remote.open(devices[index]));
        meter.tick();
      }
    });
}

/** The plain device files behind each pool. */
export async function poolOpens(): Promise<readonly { readonly name: string; readonly opens: Opens }[]> {
  const file = (pool: string): URL => new URL(`./${pool}-open.worker.js`, import.meta.url);
  const files = { piscina: file('piscina'), workerpool: file('workerpool'), poolifier: file('poolifier') };
  const opensOf = async ({ name, call }: OneThreadPool) => {
    const devices = await Promise.all(UUIDS.map((uuid) => call<number>('create', uuid)));
    const opens: Opens = (milliseconds) =>
      chained(IN_FLIGHT, milliseconds, async (meter, index) => {
        while (meter.running) {
          await call('close', await call<number>('open', devices[index]));
          meter.tick();
        }
      });
    return { name, opens };
  };
  return Promise.all(oneThreadPools(files).map(opensOf));
}

/** The plain device files on the calling thread. */
export function plainOpens(): Opens {
  const files = plainFiles();
  const devices = UUIDS.map((uuid) => files.create(uuid));
  return async (milliseconds) => {
    const meter = new Meter(milliseconds);
    for (let index = 0; meter.running; index = (index + 1) % devices.length) {
      files.close(files.open(devices[index]));
      meter.tick();
    }
    return meter.perSecond;
  };
}
