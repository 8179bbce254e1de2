/**
 * The create and remove protocols as plain calls on the calling thread, without actors and messages: the very code that
 * a parent's thread runs, over a bus memory of its own. What the runtime is compared with, alone and behind the peers.
 *
 * The core's package does not export this room, for nobody else should have it; hence the paths into its build.
 */
import { BusMemory, type MdevType, ThreadBus } from '@mediated/core';
import { parseUuid } from '@mediated/core/memory';
import { createGate, openGate } from '../../../packages/core/dist/mdev/gate.js';
import { HANDLE_SHIFT, ParentShard } from '../../../packages/core/dist/mdev/parent-shard.js';
import { type BenchDriverOptions, benchDriver } from './bench-driver.js';
import benchModule from './bench-driver.js';

/** Creates and removes devices of one parent. */
export interface PlainProtocol {
  /** Creates a device; returns its handle. Throws when that is refused. */
  create(uuid: string): number;
  /** Removes a device. Throws when that is refused. */
  remove(handle: number): void;
}

function synchronous(result: number | Promise<number>): number {
  if (typeof result !== 'number') throw new Error('the driver of the benchmark does not wait');
  if (result < 0) throw new Error(`refused with errno ${result}`);
  return result;
}

/** A parent of the bench driver, on this thread alone. */
export function plainProtocol(options: BenchDriverOptions): PlainProtocol {
  const settings = { id: crypto.randomUUID(), gate: 'rwsem', quirks: 'kernel', probeDeadline: 0 } as const;
  const memory = BusMemory.create(settings, { devices: 2 ** 16, parents: 1 });
  const parent = memory.parents.allocate();
  const type: MdevType = { index: 0, sysfsName: '1', prettyName: undefined, parent: 'plain' };
  const shard = new ParentShard({
    bus: ThreadBus.open(memory.handle),
    parent,
    generation: memory.parents.generation(parent),
    shard: 0,
    instance: { module: benchModule, driver: benchDriver(options) },
    types: [type],
    gate: openGate(createGate('rwsem', memory.locks, 'plain')),
    instances: memory.locks.semaphore(2 ** 20, 'plain'),
  });
  const words = new Int32Array(4);
  return {
    create(uuid) {
      if (!parseUuid(uuid, words, 0)) throw new Error(`${uuid} is no UUID`);
      return synchronous(shard.create(0, words[0], words[1], words[2], words[3]));
    },
    remove(handle) {
      synchronous(shard.remove(handle % HANDLE_SHIFT, Math.floor(handle / HANDLE_SHIFT) | 0));
    },
  };
}
