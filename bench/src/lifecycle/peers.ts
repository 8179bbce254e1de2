/**
 * A parent of the bench driver on one thread, behind each peer: create and remove as promises for the calling thread.
 */
import { Worker } from 'node:worker_threads';
import { type Parent, Runtime } from '@mediated/core';
import { wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { type OneThreadPool, oneThreadPools, type PoolCall, piscinaCalls } from '../harness/one-thread-pools.js';
import type { PiscinaConfiguration } from '../harness/piscina-configurations.js';
import { chained, IN_FLIGHT, Meter } from '../harness/timing.js';
import { BENCH_TYPE, type BenchDriverOptions } from './bench-driver.js';
import { type PlainProtocol, plainProtocol } from './plain-protocol.js';

export const BENCH_DRIVER = new URL('./bench-driver.js', import.meta.url);

/** Life cycles a second over at least `milliseconds`. */
export type LifeCycles = (milliseconds: number) => Promise<number>;

/** One UUID per chain; it is free again when the chain comes round. */
export const UUIDS: readonly string[] = Array.from({ length: IN_FLIGHT }, () => crypto.randomUUID());

/** Creates and removes on a parent, one device per chain at a time. */
export async function cycle(parent: Parent, meter: Meter, uuid: string): Promise<void> {
  while (meter.running) {
    const mdev = await parent.create(BENCH_TYPE, uuid);
    await mdev.remove();
    meter.tick();
  }
}

/** A real parent and driver. */
export async function runtimeCycles(options: BenchDriverOptions): Promise<LifeCycles> {
  const runtime = Runtime.start();
  await runtime.loadDriver(BENCH_DRIVER, { options, parents: [{ name: 'parent' }] });
  const parent = runtime.bus.parent('parent');
  return (milliseconds) => chained(IN_FLIGHT, milliseconds, (meter, index) => cycle(parent, meter, UUIDS[index]));
}

/** The plain protocol behind comlink. */
export function comlinkCycles(options: BenchDriverOptions): LifeCycles {
  const worker = new Worker(new URL('./comlink-lifecycle.worker.js', import.meta.url), { workerData: options });
  const remote = wrap<PlainProtocol>(nodeEndpoint(worker));
  return (milliseconds) =>
    chained(IN_FLIGHT, milliseconds, async (meter, index) => {
      while (meter.running) {
        await remote.remove(await remote.create(UUIDS[index]));
        meter.tick();
      }
    });
}

const fileOf = (pool: OneThreadPool['name']): URL => new URL(`./${pool}-lifecycle.worker.js`, import.meta.url);

/** The plain protocol behind each pool. */
export function lifecyclePools(options: BenchDriverOptions): readonly OneThreadPool[] {
  const files = { piscina: fileOf('piscina'), workerpool: fileOf('workerpool'), poolifier: fileOf('poolifier') };
  return oneThreadPools(files, options);
}

/** Creates and removes a device behind a pool. */
export async function poolCycle(call: PoolCall, uuid: string): Promise<void> {
  await call('remove', await call<number>('create', uuid));
}

/** The plain protocol behind a pool. */
export function poolCycles(call: PoolCall): LifeCycles {
  return (milliseconds) =>
    chained(IN_FLIGHT, milliseconds, async (meter, index) => {
      while (meter.running) {
        await poolCycle(call, UUIDS[index]);
        meter.tick();
      }
    });
}

/** The plain protocol behind piscina in a configuration. */
export function piscinaCycles(options: BenchDriverOptions, configuration: PiscinaConfiguration): LifeCycles {
  return poolCycles(piscinaCalls(fileOf('piscina'), options, configuration));
}

/** The plain protocol on the calling thread. */
export function plainCycles(options: BenchDriverOptions): LifeCycles {
  const protocol = plainProtocol(options);
  return async (milliseconds) => {
    const meter = new Meter(milliseconds);
    for (let index = 0; meter.running; index = (index + 1) % UUIDS.length) {
      protocol.remove(protocol.create(UUIDS[index]));
      meter.tick();
    }
    return meter.perSecond;
  };
}
