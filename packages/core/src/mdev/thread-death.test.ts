/** A driver's thread dies: what its devices held comes back, its callers are told, it is started again or buried. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { GateKind, Parent } from '@mediated/core';
import { currentThread } from '@mediated/core/sync';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  codeOf,
  NEWCOMER,
  Scripted,
  type ScriptedOptions,
  systemEvent,
  uuid,
} from '../../dist-fixtures/mdev/scripted-runtime.fixture.js';
import { withShard } from '../../dist-fixtures/mdev/shard.fixture.js';
import { DEVICE_IDS } from '#dist/mdev/layout.js';
import { reclaimDevices } from '#dist/mdev/reclaim.js';

async function start(options: ScriptedOptions = {}): Promise<Scripted> {
  const scripted = await Scripted.start(options);
  onTestFinished(() => scripted.close());
  return scripted;
}

/** Ends a driver's thread wherever it is. */
async function kill({ runtime }: Scripted, shard = 0): Promise<void> {
  const { worker } = await runtime.system.thread(`scripted/${shard}`);
  await worker.terminate();
}

/** The parent of that name has been unregistered, by whomever. */
function unregistered(name: string): Promise<void> {
  return new Promise((resolve) => {
    const channel = 'mediated:parent:unregistered';
    const listener = (message: unknown) => {
      if ((message as { parent: string }).parent !== name) return;
      unsubscribe(channel, listener);
      resolve();
    };
    subscribe(channel, listener);
  });
}

async function expectServes(scripted: Scripted, parent: Parent, n: number): Promise<void> {
  scripted.events();
  const mdev = await parent.create('t-plain', uuid(n));
  await mdev.remove();
  expect(scripted.events()).toEqual([`add ${n}`, `bind ${n} with driver`, `unbind ${n}`, `remove ${n}`]);
}

describe('in the middle of a create', () => {
  test('process.exit in probe: EIO, everything comes back, other threads go on, it is started again', async () => {
    const scripted = await start();
    await scripted.runtime.loadDriver(NEWCOMER, { options: scripted.board.buffer });
    const [parent, elsewhere] = [await scripted.parent('home'), await scripted.parent('elsewhere', 1, 'newcomer')];
    const restarted = systemEvent(scripted.runtime.system, 'threadRestart');
    expect(await codeOf(parent.create('t-fatal', uuid(1)))).toBe('EIO');
    // At once: whoever is told EIO may use the UUID again.
    const again = await elsewhere.create('t-plain', uuid(1));
    expect(scripted.events().filter((event) => event.endsWith(' 1') || event.includes(' 1 '))).toEqual([
      'add 1',
      'remove 1',
      'add 1',
      'bind 1 with driver',
    ]);
    await again.remove();
    await restarted;
    expect(await parent.availableInstances('t-plain')).toBe(16);
    await expectServes(scripted, parent, 1);
    expect(parent.registered).toBe(true);
  });

  test('a thread that is ended while probes and removals wait: EIO for each, and the events of the end', async () => {
    const scripted = await start();
    const parent = await scripted.parent('home');
    await parent.create('t-plain', uuid(1));
    const busy = await parent.create('t-busy', uuid(2));
    const removed = codeOf(busy.remove());
    const { created } = await scripted.holding(parent, 3);
    await scripted.board.reached('remove 2');
    scripted.events();
    const restarted = systemEvent(scripted.runtime.system, 'threadRestart');
    await kill(scripted);
    expect(await Promise.all([codeOf(created), removed])).toEqual(['EIO', 'EIO']);
    // Bound: 1. Detached already: 2. Never bound: 3.
    expect(scripted.events()).toEqual(['unbind 1', 'remove 1', 'remove 2', 'remove 3']);
    expect(scripted.runtime.bus.mdevs()).toEqual([]);
    await restarted;
    expect(await parent.availableInstances('t-plain')).toBe(16);
    for (const n of [1, 2, 3]) await expectServes(scripted, parent, n);
    expect(await codeOf(busy.remove())).toBe('ENODEV');
  });

  test('every slot comes back to the thread that takes its place', async () => {
    const scripted = await start({ maxDevices: 8 });
    const parent = await scripted.parent('home');
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 8; n++) await parent.create('t-plain', uuid(n));
      expect(await codeOf(parent.create('t-plain', uuid(8)))).toBe('ENOMEM');
      const restarted = systemEvent(scripted.runtime.system, 'threadRestart');
      await kill(scripted);
      await restarted;
    }
    for (let n = 0; n < 8; n++) await (await parent.create('t-plain', uuid(n))).remove();
  });

  test('numbers that a framework took for a device come back, once', () => {
    withShard({}, ({ memory, create }) => {
      create(1);
      const [index] = memory.devices.slotsOf(currentThread());
      const ids = memory.devices.base(index) + DEVICE_IDS;
      memory.devices.words[ids] = memory.groups.allocate() + 1;
      memory.devices.words[ids + 1] = memory.numbers.allocate() + 1;
      // Taken, and noted nowhere when the thread died.
      expect([memory.groups.allocate(), memory.numbers.allocate()]).toEqual([1, 1]);
      expect([memory.groups.reserve(2), memory.numbers.reserve(2)]).toEqual([true, true]);
      reclaimDevices(memory, currentThread());
      reclaimDevices(memory, currentThread());
      const numbers = () => [memory.groups.allocate(), memory.numbers.allocate()];
      expect([numbers(), numbers(), numbers()]).toEqual([
        [0, 0],
        [1, 1],
        [3, 3],
      ]);
      expect(memory.devices.liveCount()).toBe(0);
    });
  });
});

describe('restart', () => {
  test('a parent whose thread may not be started again is buried: its devices go, creates are ENODEV', async () => {
    const scripted = await start({ restart: { intensity: 0, period: 1000 } });
    const parent = await scripted.parent('home');
    await parent.create('t-plain', uuid(1));
    scripted.events();
    const gone = unregistered('home');
    await kill(scripted);
    await gone;
    const home = '/devices/virtual/scripted/home';
    expect(scripted.events()).toEqual(['unbind 1', 'remove 1', `change ${home} unregistered`, `remove ${home}`]);
    expect(await codeOf(parent.create('t-plain', uuid(2)))).toBe('ENODEV');
    expect(await codeOf(scripted.runtime.unregisterParent(parent))).toBe('ENODEV');
    expect(scripted.runtime.bus.parents()).toEqual([]);
    await scripted.runtime.unloadDriver('scripted');
  });

  test('a burial waits for what runs on the parent’s other threads and takes their devices along', async () => {
    const scripted = await start({ threads: 2, restart: { intensity: 0, period: 1000 } });
    const parent = await scripted.parent('wide', 2);
    await parent.create('t-plain', uuid(2));
    await parent.create('t-plain', uuid(1));
    const { created } = await scripted.holding(parent, 3);
    scripted.events();
    const died = systemEvent(scripted.runtime.system, 'threadDied');
    const gone = unregistered('wide');
    // The first thread is the parent's home.
    await kill(scripted, 0);
    await died;
    expect(await codeOf(parent.create('t-plain', uuid(5)))).toBe('ENODEV');
    expect(scripted.board.log).not.toContain('probed 3');
    scripted.board.release('probe', 3);
    expect((await created).uuid).toBe(uuid(3));
    await gone;
    expect(scripted.board.log.filter((entry) => entry.startsWith('removed'))).toEqual(['removed 1', 'removed 3']);
    expect(scripted.runtime.bus.mdevs()).toEqual([]);
  });

  test('a parent whose unregistration was cut off by the loss of its home is buried all the same', async () => {
    const scripted = await start({ restart: { intensity: 0, period: 1000 } });
    const parent = await scripted.parent('home');
    await parent.create('t-busy', uuid(1));
    const first = codeOf(scripted.runtime.unregisterParent(parent));
    await scripted.board.reached('remove 1');
    const gone = unregistered('home');
    await kill(scripted);
    expect(await first).toBe('EIO');
    await gone;
    expect(parent.registered).toBe(false);
  });

  test('both threads of a parent are lost: it is buried once', async () => {
    const scripted = await start({ threads: 2, restart: { intensity: 0, period: 1000 } });
    const parent = await scripted.parent('wide', 2);
    await parent.create('t-plain', uuid(1));
    scripted.events();
    const gone = unregistered('wide');
    await Promise.all([kill(scripted, 0), kill(scripted, 1)]);
    await gone;
    const events = scripted.events();
    expect(events.filter((event) => event.endsWith('unregistered'))).toHaveLength(1);
    // The slot is free again, and whole.
    expect(scripted.runtime.bus.parents()).toEqual([]);
    expect(parent.registered).toBe(false);
  });
});

describe.each<GateKind>(['rwsem', 'refcount', 'srcu'])('the %s gate', (gate) => {
  test('is left by a thread that dies inside it', async () => {
    const scripted = await start({ gate, threads: 2 });
    const parent = await scripted.parent('wide', 2);
    await scripted.holding(parent, 1);
    const unregistering = scripted.runtime.unregisterParent(parent);
    expect(scripted.board.log).toEqual(['probe 1']);
    await kill(scripted, 1);
    await unregistering;
    expect(scripted.runtime.bus.mdevs()).toEqual([]);
  });

  test('unregistration whose home dies is EIO; called again it ends, and not before what it waits for', async () => {
    const scripted = await start({ gate, threads: 2 });
    const parent = await scripted.parent('wide', 2);
    const { created } = await scripted.holding(parent, 1);
    const first = codeOf(scripted.runtime.unregisterParent('wide'));
    await parent.availableInstances('t-plain');
    const restarted = systemEvent(scripted.runtime.system, 'threadRestart');
    await kill(scripted, 0);
    expect(await first).toBe('EIO');
    await restarted;
    let ended = false;
    const second = scripted.runtime.unregisterParent('wide').then(() => {
      ended = true;
    });
    await parent.availableInstances('t-plain');
    expect(ended).toBe(false);
    scripted.board.release('probe', 1);
    await created;
    await second;
    expect(scripted.board.log).toEqual(['probe 1', 'probed 1', 'remove 1', 'removed 1']);
  });
});

test('unloading a driver whose thread dies meanwhile is EIO and can be repeated', async () => {
  const scripted = await start();
  const parent = await scripted.parent('home');
  await parent.create('t-busy', uuid(1));
  const first = codeOf(scripted.runtime.unloadDriver('scripted'));
  await scripted.board.reached('remove 1');
  expect(await codeOf(scripted.runtime.unloadDriver('scripted'))).toBe('EAGAIN');
  const restarted = systemEvent(scripted.runtime.system, 'threadRestart');
  await kill(scripted);
  expect(await first).toBe('EIO');
  await restarted;
  await scripted.runtime.unloadDriver('scripted');
  expect(scripted.runtime.drivers).toEqual([]);
  expect(scripted.runtime.bus.parents()).toEqual([]);
});

describe('hangDeadline', () => {
  test('a driver that blocks its thread in probe is ended: its callers get EIO, it is started again', async () => {
    const scripted = await start({ hangDeadline: 20 });
    const parent = await scripted.parent('home');
    const restarted = systemEvent(scripted.runtime.system, 'threadRestart');
    expect(await codeOf(parent.create('t-hanging', uuid(1)))).toBe('EIO');
    await restarted;
    expect(scripted.runtime.bus.mdev(uuid(1))).toBeUndefined();
  });

  test('also when its caller had stopped waiting', async () => {
    const scripted = await start({ hangDeadline: 20 });
    const parent = await scripted.parent('home');
    const restarted = systemEvent(scripted.runtime.system, 'threadRestart');
    expect(await codeOf(parent.with({ timeout: 1 }).create('t-hanging', uuid(1)))).toBe('ETIMEDOUT');
    await restarted;
  });
});
