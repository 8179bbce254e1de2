/**
 * Actors that frameworks have for a whole bus (`Supervision.actor`): each on a thread of its own, from the load of the
 * framework's first driver to the end of its last. Called by the driver registry on the supervising thread; any thread
 * finds the actor by two words of the bus's flags, which the supervising thread alone writes (`layout.ts`).
 */
import type { ActorHandle } from '../actor/actor-ref.js';
import type { ActorSystem } from '../actor/system.js';
import { MediatedError } from '../errors.js';
import type { BusMemory } from './bus-memory.js';
import type { BusActor, Supervision } from './driver.js';
import { FRAMEWORK_ACTOR, FRAMEWORK_THREAD } from './layout.js';

/** The actor of one framework. */
interface Entry {
  /** Loaded drivers. */
  users: number;
  /** The last start or stop, settled when it is through; the next one waits for it. */
  last: Promise<void>;
  running: boolean;
}

export class FrameworkActors {
  readonly #system: ActorSystem;
  readonly #memory: BusMemory;
  readonly #entries = new Map<unknown, Entry>();

  constructor(system: ActorSystem, memory: BusMemory) {
    this.#system = system;
    this.#memory = memory;
  }

  /** A driver is being loaded: resolves when its framework's actor runs. Every `hold`, failed or not, needs a `drop`. */
  hold(supervision: Supervision | undefined): Promise<void> {
    const actor = supervision?.actor;
    if (supervision === undefined || actor === undefined) return Promise.resolve();
    const key = supervision.framework ?? supervision.shared;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { users: 0, last: Promise.resolve(), running: false };
      this.#entries.set(key, entry);
    }
    if (++entry.users === 1) this.#next(entry, actor);
    return entry.last;
  }

  /** A driver is gone: the last one takes the actor along. */
  async drop(supervision: Supervision | undefined): Promise<void> {
    const actor = supervision?.actor;
    if (supervision === undefined || actor === undefined) return;
    const entry = this.#entries.get(supervision.framework ?? supervision.shared);
    if (entry === undefined || --entry.users !== 0) return;
    this.#next(entry, actor);
    await entry.last;
  }

  /** Starts or stops the actor, whichever is wanted by the time the last start or stop is through. */
  #next(entry: Entry, actor: BusActor): void {
    entry.last = entry.last
      .catch(() => {})
      .then(async () => {
        const wanted = entry.users > 0;
        if (wanted === entry.running) return;
        await (wanted ? this.#start(actor) : this.#stop(actor));
        entry.running = wanted;
      });
  }

  async #start(actor: BusActor): Promise<void> {
    const { flags, handle } = this.#memory;
    if (Atomics.load(flags, FRAMEWORK_ACTOR) !== 0) {
      throw new MediatedError('EBUSY', 'another framework has an actor for this bus', { syscall: 'loadDriver' });
    }
    const options = { bus: handle, options: actor.options };
    const started = await this.#system.spawnNamed(actor, options, { thread: actor.thread });
    Atomics.store(flags, FRAMEWORK_THREAD, started.thread);
    Atomics.store(flags, FRAMEWORK_ACTOR, started.actor);
  }

  async #stop(actor: BusActor): Promise<void> {
    Atomics.store(this.#memory.flags, FRAMEWORK_ACTOR, 0);
    await this.#system.stopThread(actor.thread);
  }
}

/** The actor that the framework of a bus's drivers has for the bus; undefined while none is loaded. Any thread. */
export function frameworkActor({ flags }: BusMemory): ActorHandle | undefined {
  const actor = Atomics.load(flags, FRAMEWORK_ACTOR);
  return actor === 0 ? undefined : { thread: Atomics.load(flags, FRAMEWORK_THREAD), actor };
}
