/**
 * A parent on two threads for the explorer: the core's own parent actors over shared memory, and between them, in place of
 * the inbox, mail (`protocols-mail.fixture.ts`). Scenarios are in `protocols-unregister.fixture.ts`. What only tells or
 * names (the event log, the name table) is each thread's own and not explored.
 */
import type { World } from '@mediated/explorer';
import type { ActorContext, ActorHandle, Handlers } from '@mediated/core/actor';
import type { MdevDevice, MdevDriver } from '@mediated/core';
import type { BusHandle } from '../../../packages/core/dist/mdev/bus-memory.js';
import type { GateHandle, GateKind } from '../../../packages/core/dist/mdev/gate.js';
import type { ParentMessages, ParentOptions } from '../../../packages/core/dist/mdev/parent-protocol.js';
import type { LockHandle, Semaphore } from '@mediated/core/sync';
import { type Answer, ask, createMail, type Mail, type Question } from './protocols-mail.fixture.js';

// Before anything of the core is loaded: scenes of old code (test/src/history) are explored too.
if (process.env.MEDIATED_OLD_CODE !== undefined) {
  await import(new URL('../history/with-old-code.fixture.js', import.meta.url).href);
}
const { Arena, NameTable, UuidTable } = await import('../../../packages/core/dist/memory/index.js');
const { IdAllocator } = await import('../../../packages/core/dist/memory/id-allocator.js');
const { LockSpace } = await import('../../../packages/core/dist/sync/index.js');
const { currentThread, ThreadTable } = await import('../../../packages/core/dist/sync/threads.js');
const { EventLog } = await import('../../../packages/core/dist/mdev/event-log.js');
const { createGate, openGate } = await import('../../../packages/core/dist/mdev/gate.js');
const layout = await import('../../../packages/core/dist/mdev/layout.js');
const { parentActor } = await import('../../../packages/core/dist/mdev/parent-actor.js');
const { HANDLE_SHIFT } = await import('../../../packages/core/dist/mdev/parent-shard.js');
const { ThreadBus } = await import('../../../packages/core/dist/mdev/thread-bus.js');

const ENODEV = 19;
const DEVICES = 8;
const INSTANCES = 4;
const LOCK_WORDS = 2048;
const TABLE_WORDS = 68;

/**
 * Words of a scenario, each its own memory, so that a schedule shows them by name. `over`: unregistration has returned.
 * `inside`: callbacks of the driver under way. `probes`, `removes`: how many there were. `late`: those that ran when
 * unregistration had returned. `go`: the slow callback may end.
 */
const WORDS = ['over', 'inside', 'probes', 'removes', 'late', 'go'] as const;
type Word = Int32Array<SharedArrayBuffer>;
type Words = Readonly<Record<(typeof WORDS)[number], Word>>;

type ParentHandlers = Handlers<ParentMessages>;

export interface ParentPlan {
  readonly gate: GateKind;
  /** Threads that ask the shard besides home. */
  readonly clients: number;
  /** A callback of the driver that waits until somebody lets it end: the user of a device that is to be removed, say. */
  readonly slow?: 'probe' | 'remove' | undefined;
}

/** What the locks of a scenario are, made in the controller. */
class Locks {
  readonly gate: GateHandle;
  readonly instances: Semaphore;
  readonly space: BusHandle['locks'];
  // A table of its own: the threads of an exploration do not use up the ids of the process.
  readonly #threads = new SharedArrayBuffer(TABLE_WORDS * 4);

  constructor(kind: GateKind) {
    new Int32Array(this.#threads)[0] = 1;
    const space = LockSpace.create({ words: LOCK_WORDS });
    space.close();
    this.space = { ...space.handle, threads: this.#threads };
    const gate = createGate(kind, space, 'home');
    this.gate = { ...gate, locks: gate.locks.map((lock) => ({ ...lock, threads: this.#threads })) };
    this.instances = space.semaphore(INSTANCES);
  }

  get handles(): { space: BusHandle['locks']; gate: GateHandle; instances: LockHandle<'semaphore'> } {
    const { space, gate, instances } = this;
    return { space, gate, instances: { ...instances.handle, threads: this.#threads } };
  }
}

/** The parent as the scenario's threads have it. */
export class ExploredParent {
  readonly mail: Mail;
  readonly #world: World;
  readonly #plan: ParentPlan;
  readonly #words: Words;
  readonly #locks: Locks['handles'];
  readonly #slots: Pick<BusHandle, 'devices' | 'uuids' | 'parents'>;
  /** The instance counter, in the controller. */
  #instances: Locks['instances'] | undefined;
  readonly #bus: BusHandle | undefined;
  #lives = 0;

  constructor(world: World, plan: ParentPlan) {
    this.#world = world;
    this.#plan = plan;
    this.mail = world.share('mail', () => createMail(1 + plan.clients));
    const word = (name: string) => world.share(name, () => new Int32Array(new SharedArrayBuffer(4)));
    this.#words = Object.fromEntries(WORDS.map((name) => [name, word(name)])) as Words;
    this.#locks = world.share('locks', () => {
      const locks = new Locks(plan.gate);
      this.#instances = locks.instances;
      return locks.handles;
    });
    const { DEVICE_UUID: uuidOffset, DEVICE_NEXT: nextOffset, DEVICE_WORDS, PARENT_WORDS } = layout;
    const arena = (slotWords: number) => Arena.create({ capacity: DEVICES, slotWords });
    const devices = world.share('devices', () => arena(DEVICE_WORDS).handle);
    this.#slots = {
      devices,
      uuids: world.share(
        'uuids',
        () => UuidTable.create({ arena: Arena.from(devices), uuidOffset, nextOffset }).handle,
      ),
      parents: world.share('parents', () => arena(PARENT_WORDS).handle),
    };
    if (world.thread >= 0) this.#bus = this.#attach();
  }

  /** The bus as the calling thread has it. */
  #attach(): BusHandle {
    const { space } = this.#locks;
    ThreadTable.join(space.threads);
    currentThread();
    return {
      ...this.#slots,
      locks: space,
      settings: { id: '', gate: this.#plan.gate, quirks: 'kernel', probeDeadline: 0 },
      names: NameTable.create({ capacity: 16 }).handle,
      events: EventLog.create().handle,
      groups: IdAllocator.create(1).handle,
      numbers: IdAllocator.create(1).handle,
      drivers: Arena.create({ capacity: 1, slotWords: layout.DRIVER_WORDS }).handle,
      flags: new Int32Array(new SharedArrayBuffer(layout.FLAG_WORDS * 4)),
    };
  }

  /** The actor of a shard, begun anew: nothing is left of the execution before. */
  actor(shard: number): ParentHandlers {
    const { gate, instances } = this.#locks;
    const attached = this.#bus as BusHandle;
    const bus = { ...attached, settings: { ...attached.settings, id: `${this.#lives++}` } };
    ThreadBus.open(bus).drivers.set('explored', { name: 'explored', bus: 'mdev', driver: this.#driver() });
    const options: ParentOptions = {
      bus,
      parent: 0,
      generation: 0,
      shard,
      driver: 'explored',
      name: 'home',
      types: [{ sysfsName: 'only' }],
      attributes: [],
      parentAttributes: [],
      gate,
      instances,
      budgets: {},
      memory: {},
    };
    const endpoint = {
      ask: async (_thread: number, _actor: number, { name }: { name: Question }, words: readonly number[]) => {
        const answer = await ask(this.mail, 0, name, ...words);
        return typeof answer === 'number' ? answer : triples(answer);
      },
    };
    const context = { endpoint } as unknown as ActorContext;
    return (parentActor.start(context, options) as { handlers: ParentHandlers }).handlers;
  }

  /** What the supervising thread does, and then home. */
  async unregister(home: ParentHandlers): Promise<void> {
    openGate(this.#locks.gate).withdraw();
    await home.unregister([{ thread: 1, actor: 1 } satisfies ActorHandle]);
    await ask(this.mail, 0, 'stop');
    const { over, inside, late } = this.#words;
    Atomics.store(over, 0, 1);
    if (Atomics.load(inside, 0) !== 0) Atomics.add(late, 0, 1);
  }

  /** What the shard does with a question; `remove` is about the device that was made first. */
  answerer(shard: ParentHandlers): (question: Question, words: Int32Array) => Answer | Promise<Answer> {
    let stopped = false;
    /** The device that was made first. */
    let made = 0;
    const noted = (result: number | Promise<number>) => {
      if (typeof result === 'number') made = result;
      return result;
    };
    return (question, [a, b]) => {
      switch (question) {
        case 'children': {
          const children = shard.children() as readonly { index: number; generation: number; order: number }[];
          return children.flatMap(({ index, generation, order }) => [index, generation, order]);
        }
        case 'removeChild':
          return Promise.resolve(shard.removeChild(a, b)).then(() => 0);
        case 'create':
          return stopped ? -ENODEV : noted(shard.create(0, 0, 0, 0, a));
        case 'remove':
          return stopped ? -ENODEV : shard.remove(made % HANDLE_SHIFT, Math.floor(made / HANDLE_SHIFT));
        case 'stop':
          stopped = true;
          return 0;
      }
    };
  }

  /** Lets the slow callback end. */
  letEnd(): void {
    const { go } = this.#words;
    Atomics.store(go, 0, 1);
    Atomics.notify(go, 0);
  }

  /** Declares what must hold when all threads have ended. */
  checkAfterwards(): void {
    const { uuids, devices } = this.#slots;
    const { late, probes, removes } = this.#words;
    this.#world.afterwards(() => {
      if (late[0] !== 0) throw new Error('unregistration has returned, and a callback of the driver runs');
      const table = UuidTable.from(uuids, Arena.from(devices));
      if (table.count() !== 0)
        throw new Error(`unregistration has returned, and ${table.count()} of its devices is there`);
      const left = this.#instances?.value;
      if (left !== INSTANCES) throw new Error(`${left} of ${INSTANCES} instances are left`);
      if (probes[0] !== removes[0]) throw new Error(`${probes[0]} probes, ${removes[0]} removals`);
    });
  }

  #driver(): MdevDriver {
    const { over, inside, probes, removes, late, go } = this.#words;
    const callback = (name: 'probe' | 'remove', count: Word) => (_device: MdevDevice) => {
      Atomics.add(inside, 0, 1);
      Atomics.add(count, 0, 1);
      const end = () => {
        Atomics.sub(inside, 0, 1);
        if (Atomics.load(over, 0) !== 0) Atomics.add(late, 0, 1);
      };
      return this.#plan.slow === name ? until(go).then(end) : end();
    };
    return { probe: callback('probe', probes), remove: callback('remove', removes) };
  }
}

/** Until a word is not 0. */
export async function until(word: Word): Promise<void> {
  while (Atomics.load(word, 0) === 0) {
    const { async, value } = Atomics.waitAsync(word, 0, 0);
    if (async) await value;
  }
}

function triples(words: readonly number[]): { index: number; generation: number; order: number }[] {
  const found = [];
  for (let at = 0; at < words.length; at += 3) {
    found.push({ index: words[at], generation: words[at + 1], order: words[at + 2] });
  }
  return found;
}
