/**
 * A driver and one parent of it as plain objects of the calling thread, over a bus memory of its own: the very code that
 * a driver's thread runs, without actors and messages. What the runtime is compared with, alone and behind the peers.
 *
 * The core's package does not export this room, for nobody else should have it; hence the paths into its build.
 */
import {
  BusMemory,
  type DriverModule,
  type MdevDriver,
  type MdevParent,
  type MdevType,
  ThreadBus,
} from '@mediated/core';
import { createGate, openGate } from '../../../packages/core/dist/mdev/gate.js';
import { HANDLE_SHIFT, ParentShard } from '../../../packages/core/dist/mdev/parent-shard.js';

const DEVICES = 2 ** 16;
/** Instances and open devices: more than anybody takes. */
const PLENTY = 2 ** 20;

/** A parent on this thread alone. */
export interface PlainShard {
  readonly bus: ThreadBus;
  readonly driver: MdevDriver;
  readonly shard: ParentShard;
}

/** Starts a driver that neither waits nor has budgets, and registers a parent of its first type. */
export function plainShard(module: DriverModule, options: unknown): PlainShard {
  const settings = { id: crypto.randomUUID(), gate: 'rwsem', quirks: 'kernel', probeDeadline: 0 } as const;
  const memory = BusMemory.create(settings, { devices: DEVICES, parents: 1 });
  const bus = ThreadBus.open(memory.handle);
  const driver = module.start({
    name: module.name,
    shard: 0,
    shards: 1,
    shared: {},
    pins: memory.locks.semaphore(PLENTY, 'plain'),
    options,
    supervised: module.supervise?.(memory, options).shared,
    bus,
  });
  if (driver instanceof Promise) throw new Error('a driver of the benchmark does not wait');
  const [type] = module.types;
  const types: MdevType[] = [];
  const parentDevice: MdevParent = { name: 'plain', types, budgets: {}, memory: {}, unplug() {} };
  types.push({ index: 0, sysfsName: type.sysfsName, prettyName: type.prettyName, parent: 'plain', parentDevice });
  const parent = memory.parents.allocate();
  const shard = new ParentShard({
    bus,
    parent,
    generation: memory.parents.generation(parent),
    shard: 0,
    instance: { name: module.name, bus: 'mdev', driver },
    types: parentDevice.types,
    gate: openGate(createGate('rwsem', memory.locks, 'plain')),
    instances: memory.locks.semaphore(PLENTY, 'plain'),
  });
  return { bus, driver, shard };
}

/** What a step answered. Throws when that is an errno, or when the step waits. */
export function answered(result: number | Promise<number>): number {
  if (typeof result !== 'number') throw new Error('a driver of the benchmark does not wait');
  if (result < 0) throw new Error(`refused with errno ${result}`);
  return result;
}

/** Slot number and generation that a device's handle is made of. */
export function placeOf(handle: number): { index: number; generation: number } {
  return { index: handle % HANDLE_SHIFT, generation: Math.floor(handle / HANDLE_SHIFT) | 0 };
}
