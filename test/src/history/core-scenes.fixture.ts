/** What happened to the mdev core in a patch's story: scenes of one to three actors, each told to the step. */
import { MediatedError, type Parent } from '@mediated/core';
import {
  codeOf,
  Scripted,
  type ScriptedOptions,
  uuid,
} from '../../../packages/core/dist-fixtures/mdev/scripted-runtime.fixture.js';
import { withShard } from '../../../packages/core/dist-fixtures/mdev/shard.fixture.js';
import { close } from './curtain.fixture.js';

/** DEVICE_STATE and REMOVE_FILE of a device slot (core: mdev/layout.ts). */
const STATE = 2;
const REMOVE_FILE = 2;

async function scripted<T>(
  options: ScriptedOptions,
  play: (world: Scripted, parent: Parent) => Promise<T>,
): Promise<T> {
  const world = await Scripted.start(options);
  const outcome = await play(world, await world.parent('home'));
  await close(() => world.close());
  return outcome;
}

/** Everything that was asked of a parent's thread before has been dealt with. */
async function settled(parent: Parent): Promise<void> {
  // Several times: what a message has promised goes on when the next one is answered.
  for (let round = 0; round < 4; round++) await parent.availableInstances('t-plain').catch(() => {});
}

/** Until an unregistration either waits at the gate for whoever is inside, or is over: which of them. */
async function waitsOrIsOver(world: Scripted, home: Parent): Promise<'waits' | 'is over'> {
  for (;;) {
    await settled(home);
    if (world.events().some((event) => event.endsWith(' unregistered'))) return 'is over';
    const gate = world.runtime.lockStatistics().find(({ name }) => name === 'gate: home');
    if (gate !== undefined && gate.stats.waiting > 0) return 'waits';
  }
}

export function registeredTwice() {
  return scripted({}, async ({ runtime }, home) => {
    const again = await codeOf(runtime.registerParent({ name: 'home', driver: 'scripted' }));
    return { again, registered: home.registered, parents: runtime.bus.parents().map(({ name }) => name) };
  });
}

export async function vendorRefuses() {
  const driver = {
    admitRemove() {
      throw new MediatedError('EINVAL', 'not while it is attached');
    },
  };
  return withShard({ driver }, (local) => {
    const handle = local.create(1);
    try {
      return local.remove(handle);
    } catch (error) {
      return (error as { code: string }).code;
    }
  });
}

export function linksWhileRemoved() {
  return scripted({}, async ({ board }, home) => {
    const mdev = await home.create('t-busy', uuid(1));
    const removed = mdev.remove();
    await board.reached('remove 1');
    const { bus, links } = mdev.presence;
    board.release('remove', 1);
    await removed;
    return { bus, links };
  });
}

export function childrenFail() {
  return scripted({}, async ({ runtime, board }, home) => {
    for (const [i, type] of ['plain', 'careless', 'plain'].entries()) await home.create(`t-${type}`, uuid(i + 1));
    const unregistered = await codeOf(runtime.unregisterParent(home));
    return { unregistered, left: runtime.bus.mdevs().length, asked: board.log.filter((e) => e.startsWith('remove ')) };
  });
}

/** Issue-1: a create that comes when unregistration has looked through its children. */
export function createAfterIteration() {
  return scripted({}, async ({ runtime, board }, home) => {
    await home.create('t-busy', uuid(1));
    const unregistered = runtime.unregisterParent(home);
    await board.reached('remove 1');
    const create = await codeOf(home.create('t-plain', uuid(2)));
    board.release('remove', 1);
    await unregistered;
    // Of both devices, after their parent has gone.
    return { create, survivors: runtime.bus.memory.uuids.count(), removes: board.log.filter((e) => e === 'remove 2') };
  });
}

/** Issue-1, the variant: the create is under way when unregistration comes to its device. */
export function createUnderWay() {
  return scripted({}, async (world, home) => {
    const { runtime, board } = world;
    const { created } = await world.holding(home, 1);
    const unregistered = runtime.unregisterParent(home);
    const overtaken = (await waitsOrIsOver(world, home)) === 'is over';
    if (overtaken) await unregistered;
    board.release('probe', 1);
    const create = await codeOf(created);
    await unregistered;
    return { overtaken, create, steps: board.log };
  });
}

/** Issue-2: a removal is in the vendor's callback when unregistration comes. */
export function removalUnderWay() {
  return scripted({}, async (world, home) => {
    const { runtime, board } = world;
    const mdev = await home.create('t-busy', uuid(1));
    const removed = mdev.remove();
    await board.reached('remove 1');
    const unregistered = runtime.unregisterParent(home);
    const overtaken = (await waitsOrIsOver(world, home)) === 'is over';
    if (overtaken) await unregistered;
    const inCallback = !board.log.includes('removed 1');
    board.release('remove', 1);
    const remove = await codeOf(removed);
    await unregistered;
    return { returnedDuringCallback: overtaken && inCallback, remove };
  });
}

/** Two threads: unregistration removes the device while another's write to its `remove` is on its way. */
export async function lateWriter() {
  let late = false;
  const beforeGate = (local: { unregister(sticky: boolean): void }) => {
    if (late) local.unregister(true);
  };
  return withShard({ beforeGate }, (local) => {
    const index = local.create(1) % 2 ** 21;
    const { devices } = local.memory;
    late = true;
    const result = local.shard.storeRemove(index, devices.generation(index));
    return { result, gone: !local.lookup(1), file: (devices.words[devices.base(index) + STATE] & REMOVE_FILE) !== 0 };
  });
}

/** The remover pauses between its claim and the gate while unregistration runs to its end. */
export async function pausingRemover() {
  let late = false;
  let removes = 0;
  const beforeGate = (local: { unregister(sticky: boolean): void }) => {
    if (late) local.unregister(true);
  };
  const driver = { remove: () => void removes++ };
  return withShard({ driver, beforeGate }, (local) => {
    const handle = local.create(1);
    late = true;
    try {
      return { remove: local.remove(handle), removes };
    } catch (error) {
      return { remove: (error as { code: string }).code, removes };
    }
  });
}

/** Creates that overlap, so that there always is one inside, while unregistration waits. */
async function overlapping(gate: 'rwsem' | 'refcount' | 'srcu') {
  return scripted({ gate }, async (world, home) => {
    const { board, runtime } = world;
    const ROUNDS = 6;
    let { created } = await world.holding(home, 1);
    let over = false;
    const unregistered = runtime.unregisterParent(home).then(() => void (over = true));
    await settled(home);
    const creates: string[] = [];
    for (let n = 2; n < 2 + ROUNDS && !over; n++) {
      const next = home.create('t-held', uuid(n));
      const outcome = await Promise.race([codeOf(next), board.reached(`probe ${n}`).then(() => 'admitted')]);
      creates.push(outcome);
      if (outcome !== 'admitted') continue;
      board.release('probe', n - 1);
      await created;
      created = next;
    }
    const starved = !over;
    board.release('probe', creates.lastIndexOf('admitted') + 2);
    await created;
    await unregistered;
    return { creates: [...new Set(creates)], waitedThrough: starved ? creates.length : 0 };
  });
}

export const overlappingWithRefcount = () => overlapping('refcount');
export const overlappingWithRwsem = () => overlapping('rwsem');
export const overlappingWithSrcu = () => overlapping('srcu');

/** A UUID that another parent's device has, on a parent with no instance left. */
export function uuidOfAnotherParent() {
  return scripted({ query: '?max=1' }, async (world, home) => {
    const other = await world.parent('other');
    await home.create('t-plain', uuid(1));
    await other.create('t-plain', uuid(3));
    return codeOf(other.create('t-plain', uuid(1)));
  });
}

export function twoCreates() {
  return scripted({}, async (world, home) => {
    const first = await world.holding(home, 1);
    const second = home.create('t-held', uuid(2));
    await settled(home);
    const inside = world.board.log;
    world.board.release('probe', 1);
    world.board.release('probe', 2);
    await first.created;
    await second;
    return inside;
  });
}

export function removalOfHalfMade() {
  return scripted({}, async (world, home) => {
    const { created } = await world.holding(home, 1);
    const remove = await codeOf(world.runtime.bus.mdev(uuid(1))?.remove() ?? Promise.resolve());
    world.board.release('probe', 1);
    await created;
    return remove;
  });
}

export function twoRemovers() {
  return scripted({}, async ({ board }, home) => {
    const mdev = await home.create('t-busy', uuid(1));
    const first = codeOf(mdev.remove());
    await board.reached('remove 1');
    const second = codeOf(mdev.remove());
    await settled(home);
    board.release('remove', 1);
    return { first: await first, second: await second };
  });
}

export function boundTo() {
  return scripted({}, async ({ runtime }, home) => {
    const drivers: (string | undefined)[] = [];
    runtime.bus.events.on('bind', ({ variables }) => {
      drivers.push(variables.find(([name]) => name === 'DRIVER')?.[1]);
    });
    runtime.bus.drainEvents();
    await home.create('t-plain', uuid(1));
    runtime.bus.drainEvents();
    return drivers;
  });
}

/** What a listener finds that acts on the `add` event. */
export function atAdd() {
  return scripted({}, async (world, home) => {
    const { created } = await world.holding(home, 1);
    const events = world.events();
    const remove = world.runtime.bus.mdev(uuid(1))?.presence.remove;
    world.board.release('probe', 1);
    await created;
    return { events, remove };
  });
}
