/**
 * A parent shard on the calling thread, without actors: for schedules that put another thread's step exactly between two
 * steps of a create or a removal. The gate is a wrapper whose `tryEnter` is that place.
 */
import type { MdevDriver, MdevParent } from '@mediated/core';
import { parseUuid } from '@mediated/core/memory';
import { BusMemory } from '#dist/mdev/bus-memory.js';
import { createGate, type Gate, openGate } from '#dist/mdev/gate.js';
import { PARENT_DEAD, PARENT_STATE } from '#dist/mdev/layout.js';
import { HANDLE_SHIFT, ParentShard } from '#dist/mdev/parent-shard.js';
import { writeParent } from '#dist/mdev/parent-record.js';
import { ThreadBus } from '#dist/mdev/thread-bus.js';
import { uuid } from './scripted-runtime.fixture.js';

export interface LocalParts {
  readonly driver?: MdevDriver;
  /** Runs when an operation is about to try the gate, like a thread that comes in between. */
  readonly beforeGate?: (local: LocalShard) => void;
}

/** The shard and what a schedule does with it. */
export interface LocalShard {
  readonly memory: BusMemory;
  readonly bus: ThreadBus;
  readonly shard: ParentShard;
  create(n: number): number;
  remove(handle: number): number;
  /** What unregistration does to the children; `sticky`: with the flag that keeps late removers out (quirk Q3). */
  unregister(sticky: boolean): void;
  lookup(n: number): boolean;
}

/** Runs a schedule on a fresh bus. */
export function withShard<T>({ driver = {}, beforeGate }: LocalParts, schedule: (local: LocalShard) => T): T {
  const settings = { id: crypto.randomUUID(), gate: 'rwsem', quirks: 'kernel', probeDeadline: 0 } as const;
  const memory = BusMemory.create(settings, { devices: 64, parents: 4 });
  const bus = ThreadBus.open(memory.handle);
  const parent = memory.parents.allocate();
  const description = { path: '/devices/local', subsystem: 'local', typePrefix: 'local', driver: 'local' };
  writeParent(memory, parent, {
    ...description,
    name: 'local',
    bus: 'mdev',
    deviceApi: 'vfio-pci',
    describes: false,
    files: 0,
    maxInstances: 4,
    types: [{ sysfsName: 'only' }],
  });
  const generation = memory.parents.generation(parent);
  const real = openGate(createGate('rwsem', memory.locks, 'local'));
  let trying = false;
  const gate: Gate = {
    refusedCreate: real.refusedCreate,
    exit: (token) => real.exit(token),
    withdraw: () => real.withdraw(),
    closeAndDrain: () => real.closeAndDrain(),
    finish: () => real.finish(),
    tryEnter() {
      if (!trying) {
        trying = true;
        beforeGate?.(local);
        trying = false;
      }
      return real.tryEnter();
    },
  };
  const parentDevice: MdevParent = { name: 'local', types: [], budgets: {}, memory: {}, unplug() {} };
  const types = [{ index: 0, sysfsName: 'only', prettyName: undefined, parent: 'local', parentDevice }];
  const instances = memory.locks.semaphore(4);
  const shard = new ParentShard({
    bus,
    parent,
    generation,
    shard: 0,
    instance: { name: 'local', bus: 'mdev', driver },
    types,
    gate,
    instances,
  });
  const words = new Int32Array(4);
  const local: LocalShard = {
    memory,
    bus,
    shard,
    create(n) {
      parseUuid(uuid(n), words, 0);
      return shard.create(0, words[0], words[1], words[2], words[3]) as number;
    },
    remove: (handle) => shard.remove(handle % HANDLE_SHIFT, Math.floor(handle / HANDLE_SHIFT) | 0) as number,
    unregister(sticky) {
      if (sticky) Atomics.store(memory.parents.words, memory.parents.base(parent) + PARENT_STATE, PARENT_DEAD);
      for (const device of bus.childrenOf(parent, generation)) void shard.removeChild(device);
    },
    lookup(n) {
      parseUuid(uuid(n), words, 0);
      return memory.uuids.lookup(words[0], words[1], words[2], words[3]) >= 0;
    },
  };
  try {
    return schedule(local);
  } finally {
    memory.locks.close();
  }
}

/** Quirk Q6: what another create of the same UUID sees while one that will be refused has come to the gate. */
export function reservationBeforeGate(): { other: number; refused: number; afterwards: string } {
  let other = 0;
  const parts: LocalParts = {
    beforeGate: (local) => {
      other = local.create(1);
      local.unregister(true);
    },
  };
  return withShard(parts, (local) => {
    const refused = local.create(1);
    return { other, refused, afterwards: local.lookup(1) ? 'taken' : 'free' };
  });
}
