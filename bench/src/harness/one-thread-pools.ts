/**
 * Thread pools with one thread each, behind which a device is a thing with named functions: a device has state, so all
 * calls must come to the same thread. With the pools' default options unless told otherwise.
 */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { FixedThreadPool } from 'poolifier';
import { pool as workerpool } from 'workerpool';
import type { PiscinaConfiguration } from './piscina-configurations.js';

/** For the notes of parts that have such peers. */
export const ONE_THREAD = 'the pools have one thread each: a device has state, which is on one thread';

/** Calls a function of the worker by its name. */
export type PoolCall = <R>(name: string, argument: unknown) => Promise<R>;

/** A pool, by the name that the report gives it. */
export interface OneThreadPool {
  readonly name: 'piscina' | 'workerpool' | 'poolifier';
  readonly call: PoolCall;
}

/** What each pool's thread runs: the same functions, offered as that pool wants it. */
export interface PoolFiles {
  readonly piscina: URL;
  readonly workerpool: URL;
  readonly poolifier: URL;
}

/** One pool of each kind. `workerData` is what the worker files get. */
export function oneThreadPools(files: PoolFiles, workerData?: unknown): readonly OneThreadPool[] {
  return [
    { name: 'piscina', call: piscinaCalls(files.piscina, workerData, {}) },
    { name: 'workerpool', call: workerpoolCalls(files.workerpool, workerData) },
    { name: 'poolifier', call: poolifierCalls(files.poolifier, workerData) },
  ];
}

/** Of piscina, in a configuration. */
export function piscinaCalls(file: URL, workerData: unknown, configuration: PiscinaConfiguration): PoolCall {
  const pool = new Piscina({ filename: file.href, minThreads: 1, maxThreads: 1, workerData, ...configuration });
  return (name, argument) => pool.run(argument, { name });
}

function workerpoolCalls(file: URL, workerData: unknown): PoolCall {
  const pool = workerpool(fileURLToPath(file), {
    workerType: 'thread',
    minWorkers: 1,
    maxWorkers: 1,
    workerThreadOpts: { workerData },
  });
  return async <R>(name: string, argument: unknown) => (await pool.exec(name, [argument])) as R;
}

function poolifierCalls(file: URL, workerData: unknown): PoolCall {
  const pool = new FixedThreadPool<unknown, unknown>(1, fileURLToPath(file), { workerOptions: { workerData } });
  return <R>(name: string, argument: unknown) => pool.execute(argument, name) as Promise<R>;
}
