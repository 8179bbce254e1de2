/** Unregistering parents while creates and removals are under way: spec/mdev-core sections 9, 14, 15, 16 and 18. */
import type { GateKind } from '@mediated/core';
import { type LockHandle, LockSpace, RwSemaphore } from '@mediated/core/sync';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { codeOf, Scripted, type ScriptedOptions, uuid } from '../../dist-fixtures/mdev/scripted-runtime.fixture.js';
import { type LocalShard, withShard } from '../../dist-fixtures/mdev/shard.fixture.js';
import { createGate, openGate } from '#dist/mdev/gate.js';

async function start(options: ScriptedOptions = {}): Promise<Scripted> {
  const scripted = await Scripted.start(options);
  onTestFinished(() => scripted.close());
  return scripted;
}

/** A promise and whether it has settled. */
function tracked(promise: Promise<unknown>): { promise: Promise<unknown>; readonly settled: boolean } {
  const state = { promise, settled: false };
  const done = () => {
    state.settled = true;
  };
  promise.then(done, done);
  return state;
}

const GATES: readonly GateKind[] = ['rwsem', 'refcount', 'srcu'];

describe.each(GATES)('with the %s gate', (gate) => {
  let scripted: Scripted;
  beforeAll(async () => {
    scripted = await Scripted.start({ gate, maxParents: 1 });
  });
  afterAll(() => scripted.close());
  // The one parent of the test before is gone, and with it everything that the driver had to do.
  beforeEach(() => scripted.board.wipe());

  test('mdev-core 8: afterwards no child is left, no callback runs, and none is called again', async () => {
    const parent = await scripted.parent('home');
    const mdev = await parent.create('t-plain', uuid(1));
    const { created } = await scripted.holding(parent, 2);
    const busy = await parent.create('t-busy', uuid(3));
    const removed = busy.remove();
    await scripted.board.reached('remove 3');
    const unregistered = scripted.runtime.unregisterParent(parent);
    scripted.board.release('remove', 3);
    scripted.board.release('probe', 2);
    await unregistered;
    const { log } = scripted.board;
    expect(log.filter((entry) => entry.startsWith('probe '))).toHaveLength(3);
    for (const n of [1, 2, 3]) {
      expect(log.filter((entry) => entry.endsWith(` ${n}`))).toEqual(
        ['probe', 'probed', 'remove', 'removed'].map((step) => `${step} ${n}`),
      );
    }
    await Promise.all([created, removed]);
    expect(scripted.runtime.bus.mdevs()).toEqual([]);
    expect(parent.registered).toBe(false);
    expect(await codeOf(parent.create('t-plain', uuid(4)))).toBe('ENODEV');
    expect(await codeOf(mdev.remove())).toBe('ENODEV');
    expect(await codeOf(parent.availableInstances('t-plain'))).toBe('ENODEV');
    expect(scripted.board.log).toEqual(log);
  });

  test('mdev-core 9, 10: it waits for what was admitted, which ends normally', async () => {
    const parent = await scripted.parent('home');
    const mdev = await parent.create('t-plain', uuid(1));
    const { created } = await scripted.holding(parent, 2);
    const unregistered = tracked(scripted.runtime.unregisterParent(parent));
    if (gate !== 'refcount') {
      // Refused from the moment at which it waits, without asking the driver.
      expect(await codeOf(parent.create('t-plain', uuid(3)))).toBe('ENODEV');
      expect(await codeOf(mdev.remove())).toBe('ENODEV');
      expect(scripted.board.log.filter((entry) => /[13]$/.test(entry))).toEqual(['probe 1', 'probed 1']);
      // Refused, it has lost its claim on the removal; the unregistration does it.
      expect(await codeOf(mdev.remove())).toBe('EAGAIN');
    }
    expect(unregistered.settled).toBe(false);
    expect(scripted.board.log).not.toContain('probed 2');
    scripted.board.release('probe', 2);
    expect((await created).uuid).toBe(uuid(2));
    await unregistered.promise;
    expect(scripted.board.log).toEqual(expect.arrayContaining(['removed 1', 'removed 2']));
  });

  test('mdev-core 10: it waits for a removal that waits for a user', async () => {
    const parent = await scripted.parent('home');
    const mdev = await parent.create('t-busy', uuid(1));
    const removed = mdev.remove();
    await scripted.board.reached('remove 1');
    const unregistered = tracked(scripted.runtime.unregisterParent(parent));
    await parent.availableInstances('t-plain');
    expect(unregistered.settled).toBe(false);
    expect(scripted.events()).not.toContain('change /devices/virtual/scripted/home unregistered');
    scripted.board.release('remove', 1);
    await removed;
    await unregistered.promise;
  });

  test('mdev-core 15, 18: a blocked child and a careless one stop nothing; the event comes after the last', async () => {
    const parent = await scripted.parent('home');
    const types = ['careless', 'busy', 'late-careless', 'plain'];
    for (const [i, type] of types.entries()) await parent.create(`t-${type}`, uuid(i + 1));
    scripted.events();
    const unregistered = tracked(scripted.runtime.unregisterParent(parent));
    await scripted.board.reached('remove 2');
    expect(unregistered.settled).toBe(false);
    scripted.board.release('remove', 2);
    await unregistered.promise;
    const children = [1, 2, 3, 4].flatMap((n) => [`unbind ${n}`, `remove ${n}`]);
    const home = '/devices/virtual/scripted/home';
    expect(scripted.events()).toEqual([...children, `change ${home} unregistered`, `remove ${home}`]);
  });

  test('whoever unregisters meanwhile waits for the same; afterwards there is no such parent', async () => {
    const parent = await scripted.parent('home');
    const { created } = await scripted.holding(parent, 1);
    scripted.events();
    const calls = [parent, 'home', parent].map((which) => tracked(scripted.runtime.unregisterParent(which)));
    await parent.availableInstances('t-plain');
    expect(calls.map((call) => call.settled)).toEqual([false, false, false]);
    scripted.board.release('probe', 1);
    await created;
    await Promise.all(calls.map((call) => call.promise));
    expect(scripted.board.log.filter((entry) => entry === 'remove 1')).toHaveLength(1);
    expect(scripted.events().filter((event) => event.endsWith('unregistered'))).toHaveLength(1);
    expect(await codeOf(scripted.runtime.unregisterParent('home'))).toBe('ENODEV');
    // A new parent may have the slot: the old handle does not unregister it.
    const next = await scripted.parent('next');
    expect(next.index).toBe(parent.index);
    expect(await codeOf(scripted.runtime.unregisterParent(parent))).toBe('ENODEV');
    expect(next.registered).toBe(true);
    await scripted.runtime.unregisterParent(next);
  });

  test('mdev-core 21: overlapping creates', async () => {
    const parent = await scripted.parent('home');
    const ROUNDS = 8;
    let { created } = await scripted.holding(parent, 1);
    const unregistered = tracked(scripted.runtime.unregisterParent(parent));
    for (let n = 2; n < 2 + ROUNDS; n++) {
      if (gate !== 'refcount') {
        expect(await codeOf(parent.create('t-held', uuid(n)))).toBe('ENODEV');
        continue;
      }
      // The next one is inside before the last one leaves: the count never is zero.
      const next = await scripted.holding(parent, n);
      scripted.board.release('probe', n - 1);
      await created;
      created = next.created;
      expect(unregistered.settled).toBe(false);
    }
    const probes = scripted.board.log.filter((entry) => entry.startsWith('probe '));
    expect(probes).toHaveLength(gate === 'refcount' ? 1 + ROUNDS : 1);
    // The stream pauses.
    scripted.board.release('probe', gate === 'refcount' ? 1 + ROUNDS : 1);
    await created;
    await unregistered.promise;
    expect(scripted.runtime.bus.mdevs()).toEqual([]);
  });

  test('a refused create is the strategy’s own errno', async () => {
    const parent = await scripted.parent('home');
    const mdev = await parent.create('t-busy', uuid(1));
    const unregistered = scripted.runtime.unregisterParent(parent);
    // Nothing is inside: every gate is shut, and the children are being removed.
    await scripted.board.reached('remove 1');
    expect(await codeOf(parent.create('t-plain', uuid(2)))).toBe(gate === 'refcount' ? 'EINVAL' : 'ENODEV');
    expect(await codeOf(mdev.remove())).toBe('ENODEV');
    scripted.board.release('remove', 1);
    await unregistered;
  });
});

test('a parent on two threads: creates run in both probes, children are removed in order of addition', async () => {
  const scripted = await start({ threads: 2 });
  const parent = await scripted.parent('wide', 2);
  // Odd ones belong to the second thread.
  const [first, second] = [await scripted.holding(parent, 1), await scripted.holding(parent, 2)];
  expect(scripted.board.log).toEqual(['probe 1', 'probe 2']);
  scripted.board.release('probe', 2);
  scripted.board.release('probe', 1);
  expect([(await first.created).shard, (await second.created).shard]).toEqual([1, 0]);
  const order = [6, 3, 5, 4, 7];
  for (const n of order) await parent.create('t-plain', uuid(n));
  scripted.events();
  await scripted.runtime.unregisterParent(parent);
  const removed = scripted.events().filter((event) => /^remove \d/.test(event));
  expect(removed).toEqual([1, 2, ...order].map((n) => `remove ${n}`));
});

test.each(GATES)('on two threads, the %s gate keeps what is admitted on the other one', async (gate) => {
  const scripted = await start({ threads: 2, gate });
  const parent = await scripted.parent('wide', 2);
  const { created } = await scripted.holding(parent, 1);
  const unregistered = tracked(scripted.runtime.unregisterParent(parent));
  await parent.availableInstances('t-plain');
  expect(unregistered.settled).toBe(false);
  scripted.board.release('probe', 1);
  await created;
  await unregistered.promise;
  expect(scripted.board.log).toEqual(['probe 1', 'probed 1', 'remove 1', 'removed 1']);
});

describe('mdev-core 22: a remover that pauses between its claim and the gate while unregistration completes (Q3)', () => {
  /** How often the driver's remove ran, and what the late remover was told. */
  function race(sticky: boolean): { removes: number; late: number | string } {
    let removes = 0;
    let isLate = false;
    const driver = { remove: () => void removes++ };
    const beforeGate = (local: LocalShard) => {
      if (isLate) local.unregister(sticky);
    };
    return withShard({ driver, beforeGate }, (local) => {
      const handle = local.create(1);
      isLate = true;
      try {
        return { late: local.remove(handle), removes };
      } catch (error) {
        return { late: (error as { code: string }).code, removes };
      }
    });
  }

  test('with the sticky flag it is refused', () => {
    expect(race(true)).toEqual({ removes: 1, late: -19 });
  });

  test('without it the device is removed a second time: this is what the flag prevents', () => {
    // The second removal finds the slot freed.
    expect(race(false)).toEqual({ removes: 1, late: 'EINVAL' });
  });
});

describe('mdev-core 24: a create that comes to the gate while unregistration deletes the type', () => {
  /**
   * The two waits of the schedule as a graph: unregistration holds the gate and waits until no callback is in the
   * type's files; the create is such a callback. Who waits for whom is written down before the wait; a cycle is a
   * deadlock, whatever the time.
   */
  class Waits {
    readonly #edges = new Map<string, string>();

    begin(who: string, whom: string): void {
      this.#edges.set(who, whom);
    }

    end(who: string): void {
      this.#edges.delete(who);
    }

    cycle(from: string): string[] | undefined {
      const path = [from];
      for (let next = this.#edges.get(from); next !== undefined; next = this.#edges.get(next)) {
        path.push(next);
        if (next === from) return path;
      }
      return undefined;
    }
  }

  async function schedule(
    create: (
      gate: ReturnType<typeof openGate>,
      semaphore: RwSemaphore,
      waits: Waits,
      signal: AbortSignal,
    ) => Promise<string>,
  ) {
    const space = LockSpace.create();
    onTestFinished(() => space.close());
    const handle = createGate('rwsem', space, 'home');
    const gate = openGate(handle);
    const semaphore = RwSemaphore.from(handle.locks[0] as LockHandle<'rwSemaphore'>);
    const waits = new Waits();
    const abort = new AbortController();
    await gate.closeAndDrain();
    // The create callback is in the file already.
    const inFile = create(gate, semaphore, waits, abort.signal).finally(() => waits.end('unregister'));
    waits.begin('unregister', 'create');
    const deadlock = waits.cycle('create');
    abort.abort();
    const outcome = await inFile;
    gate.finish();
    return { deadlock, outcome };
  }

  test('trying, it leaves and lets the type go', async () => {
    const trying = async (gate: ReturnType<typeof openGate>) => (gate.tryEnter() < 0 ? 'ENODEV' : 'entered');
    expect(await schedule(trying)).toEqual({ deadlock: undefined, outcome: 'ENODEV' });
  });

  test('blocking, it deadlocks: the harness finds the cycle', async () => {
    const blocking = async (_: unknown, semaphore: RwSemaphore, waits: Waits, signal: AbortSignal) => {
      const entering = semaphore.read({ signal });
      waits.begin('create', 'unregister');
      return codeOf(entering);
    };
    expect(await schedule(blocking)).toEqual({ deadlock: ['create', 'unregister', 'create'], outcome: 'ECANCELED' });
  });
});
