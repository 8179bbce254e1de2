/**
 * A parent on two threads for the explorer: the core's own parent actors over shared memory, and between them, in place of
 * the inbox, mail (`protocols-mail.fixture.ts`). Scenarios are in `protocols-unregister.fixture.ts`. What only tells or
 * names (the event log, the name table) is each thread's own and not explored.
 */
import type { World } from '@mediated/explorer';
import type { ActorContext, ActorHandle, Handlers } from '@mediated/core/actor';
import type { MdevDevice, MdevDriver } from '@mediated/core';
import type * as MemoryModule from '../../../packages/core/dist/memory/index.js';
import type * as IdsModule from '../../../packages/core/dist/memory/id-allocator.js';
import type * as SyncModule from '../../../packages/core/dist/sync/index.js';
import type * as ThreadsModule from '../../../packages/core/dist/sync/threads.js';
import type * as EventsModule from '../../../packages/core/dist/mdev/event-log.js';
import type * as GateModule from '../../../packages/core/dist/mdev/gate.js';
import type * as LayoutModule from '../../../packages/core/dist/mdev/layout.js';
import type * as ActorModule from '../../../packages/core/dist/mdev/parent-actor.js';
import type * as ShardModule from '../../../packages/core/dist/mdev/parent-shard.js';
import type * as BusModule from '../../../packages/core/dist/mdev/thread-bus.js';
import type { BusHandle } from '../../../packages/core/dist/mdev/bus-memory.js';
import type { GateHandle, GateKind } from '../../../packages/core/dist/mdev/gate.js';
import type { ParentMessages, ParentOptions } from '../../../packages/core/dist/mdev/parent-protocol.js';
import type { LockHandle, Mutex, Semaphore } from '@mediated/core/sync';
import { type Answer, ask, createMail, type Mail, type Question } from './protocols-mail.fixture.js';

// Before anything of the core is loaded: scenes of old code (test/src/history) are explored too.
if (process.env.MEDIATED_OLD_CODE !== undefined) {
  await import(new URL('../history/with-old-code.fixture.js', import.meta.url).href);
}
const CORE = '../../../packages/core/dist';

/** The core as the search wants it: a mutant, or the real one. */
async function loadCore(world: World) {
  const memory = await world.import<typeof MemoryModule>(`${CORE}/memory/index.js`);
  const ids = await world.import<typeof IdsModule>(`${CORE}/memory/id-allocator.js`);
  const sync = await world.import<typeof SyncModule>(`${CORE}/sync/index.js`);
  const threads = await world.import<typeof ThreadsModule>(`${CORE}/sync/threads.js`);
  const events = await world.import<typeof EventsModule>(`${CORE}/mdev/event-log.js`);
  const gate = await world.import<typeof GateModule>(`${CORE}/mdev/gate.js`);
  const layout = await world.import<typeof LayoutModule>(`${CORE}/mdev/layout.js`);
  const actor = await world.import<typeof ActorModule>(`${CORE}/mdev/parent-actor.js`);
  const shard = await world.import<typeof ShardModule>(`${CORE}/mdev/parent-shard.js`);
  const bus = await world.import<typeof BusModule>(`${CORE}/mdev/thread-bus.js`);
  return { ...memory, ...ids, ...sync, ...threads, ...events, ...gate, ...actor, ...shard, ...bus, layout };
}

type Core = Awaited<ReturnType<typeof loadCore>>;

const ENODEV = 19;
/** Home and one more. */
export const ASKERS = 2;
/** A chunk of the arena for each thread. */
const DEVICES = 256;
const INSTANCES = 4;
const PINS = 1000;
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

/** The open files of a shard. */
export interface Files {
  open(index: number, generation: number, owner: number): number | Promise<number>;
  close(file: number, owner: number): number | Promise<number>;
}

/** Whose files they are: any thread but the shard. */
const OWNER = 60;

export interface ParentPlan {
  readonly gate: GateKind;
  /** A callback of the driver that waits until somebody lets it end: the user of a device that is to be removed, say. */
  readonly slow?: 'probe' | 'remove';
  /** Instances of the parent; default 4. */
  readonly instances?: number;
}

/** What the locks of a scenario are, made in the controller. */
class Locks {
  readonly gate: GateHandle;
  readonly instances: Semaphore;
  /** Of a vfio driver: its pins, and the registry of device sets. */
  readonly pins: Semaphore;
  readonly registry: Mutex;
  readonly space: BusHandle['locks'];
  // A table of its own: the threads of an exploration do not use up the ids of the process.
  readonly #threads = new SharedArrayBuffer(TABLE_WORDS * 4);

  constructor({ LockSpace, createGate }: Core, { gate: kind, instances = INSTANCES }: ParentPlan) {
    new Int32Array(this.#threads)[0] = 1;
    const space = LockSpace.create({ words: LOCK_WORDS });
    space.close();
    this.space = { ...space.handle, threads: this.#threads };
    const gate = createGate(kind, space, 'home');
    this.gate = { ...gate, locks: gate.locks.map((lock) => ({ ...lock, threads: this.#threads })) };
    this.instances = space.semaphore(instances);
    this.pins = space.semaphore(PINS);
    this.registry = space.mutex('device set registry');
  }

  get handles() {
    const { space, gate, instances, pins, registry } = this;
    const own = <Handle extends LockHandle>(handle: Handle): Handle => ({ ...handle, threads: this.#threads });
    return {
      space,
      gate,
      instances: own(instances.handle),
      pins: own(pins.handle),
      registry: own(registry.handle),
    };
  }
}

/** The parent as the scenario's threads have it. */
export class ExploredParent {
  readonly mail: Mail;
  readonly #world: World;
  readonly #core: Core;
  readonly #plan: ParentPlan;
  readonly #words: Words;
  readonly #locks: Locks['handles'];
  readonly #slots: Pick<BusHandle, 'devices' | 'uuids' | 'parents'>;
  /** The instance counter, in the controller. */
  #instances: Locks['instances'] | undefined;
  readonly #bus: BusHandle | undefined;
  #holds = () => false;
  #lives = 0;

  private constructor(world: World, plan: ParentPlan, core: Core) {
    this.#world = world;
    this.#plan = plan;
    this.#core = core;
    const { Arena, UuidTable, layout } = core;
    this.mail = world.share('mail', () => createMail(ASKERS));
    const word = (name: string) => world.share(name, () => new Int32Array(new SharedArrayBuffer(4)));
    this.#words = Object.fromEntries(WORDS.map((name) => [name, word(name)])) as Words;
    this.#locks = world.share('locks', () => {
      const locks = new Locks(core, plan);
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

  static async open(world: World, plan: ParentPlan): Promise<ExploredParent> {
    return new ExploredParent(world, plan, await loadCore(world));
  }

  /** The bus as the calling thread has it. */
  #attach(): BusHandle {
    const { space } = this.#locks;
    const { Arena, EventLog, IdAllocator, LockSpace, NameTable, ThreadTable, currentThread, layout } = this.#core;
    ThreadTable.join(space.threads);
    const self = currentThread();
    const locks = LockSpace.from(space);
    this.#holds = () => locks.holds(self);
    return {
      ...this.#slots,
      locks: space,
      settings: { id: '', gate: this.#plan.gate, quirks: 'kernel', probeDeadline: 0 },
      names: NameTable.create({ capacity: 64 }).handle,
      events: EventLog.create().handle,
      groups: IdAllocator.create(32).handle,
      numbers: IdAllocator.create(32).handle,
      drivers: Arena.create({ capacity: 1, slotWords: layout.DRIVER_WORDS }).handle,
      flags: new Int32Array(new SharedArrayBuffer(layout.FLAG_WORDS * 4)),
    };
  }

  /** The actor of a shard, begun anew: nothing is left of the execution before. `driver`: in place of the plan's. */
  actor(shard: number, driver: (bus: BusModule.ThreadBus) => MdevDriver = () => this.#driver()): ParentHandlers {
    const { gate, instances } = this.#locks;
    const attached = this.#bus as BusHandle;
    const bus = { ...attached, settings: { ...attached.settings, id: `${this.#lives++}` } };
    const { ThreadBus, parentActor } = this.#core;
    const opened = ThreadBus.open(bus);
    opened.memory.locks.close();
    opened.drivers.set('explored', { name: 'explored', bus: 'mdev', driver: driver(opened) });
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
    this.#core.openGate(this.#locks.gate).withdraw();
    await home.unregister([{ thread: 1, actor: 1 } satisfies ActorHandle]);
    await ask(this.mail, 0, 'stop');
    const { over, inside, late } = this.#words;
    Atomics.store(over, 0, 1);
    if (Atomics.load(inside, 0) !== 0) Atomics.add(late, 0, 1);
  }

  /** What the shard does with a question; `remove`, `open` and `close` are about the device that was made first. */
  answerer(shard: ParentHandlers, files?: Files): (question: Question, words: Int32Array) => Answer | Promise<Answer> {
    const { HANDLE_SHIFT } = this.#core;
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
        case 'open':
          return files?.open(made % HANDLE_SHIFT, Math.floor(made / HANDLE_SHIFT), OWNER) ?? -ENODEV;
        case 'close':
          return files?.close(a, OWNER) ?? -ENODEV;
        case 'stop':
          stopped = true;
          return 0;
      }
    };
  }

  /** A word that the scenario has to itself, or shares under a name of its own. */
  word(name: keyof Words): Word {
    return this.#words[name];
  }

  /** The lock space's memory, and a semaphore's handle for all threads, made in the controller. */
  get locks(): Locks['handles'] {
    return this.#locks;
  }

  /** Lets the slow callback end. */
  letEnd(): void {
    const { go } = this.#words;
    Atomics.store(go, 0, 1);
    Atomics.notify(go, 0);
  }

  /** Declares what must hold when all threads have ended and the parent is unregistered. */
  checkAfterwards(): void {
    this.#world.afterwards(() => {
      if (this.#words.late[0] !== 0) throw new Error('unregistration has returned, and a callback of the driver runs');
      this.check(0);
    });
  }

  /** Throws if the calling thread holds a lock, or an instance. */
  demandNothingHeld(): void {
    if (this.#holds()) throw new Error('a lock is held');
  }

  /** Throws unless `live` devices are there, and everything else was given back. In the controller. */
  check(live: number): void {
    const { probes, removes } = this.#words;
    const { uuids, devices } = this.#slots;
    const { Arena, UuidTable } = this.#core;
    const count = UuidTable.from(uuids, Arena.from(devices)).count();
    if (count !== live)
      throw new Error(live === 0 ? `devices left: ${count}` : `${count} devices are there, not ${live}`);
    const left = this.#instances?.value;
    const { instances = INSTANCES } = this.#plan;
    if (left !== instances - live) throw new Error(`${left} of ${instances} instances are left, with ${live} devices`);
    if (probes[0] !== removes[0] + live) throw new Error(`${probes[0]} probes, ${removes[0]} removals`);
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
