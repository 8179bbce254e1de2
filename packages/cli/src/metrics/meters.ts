/**
 * The meters of all threads of a system: one on each that hosts actors, also on those that start later, and the calling thread's
 * own. Supervising thread.
 */
import type { ActorRef, ActorSystem } from '@mediated/core/actor';
import { type MeterMessages, meter } from './meter.js';
import { type TakenTally, ThreadTally } from './thread-tally.js';

/** Milliseconds for the threads' counts. What a thread has counted that is busy for longer comes with the next answer. */
const PATIENCE = 1000;
/** Threads of programs, and the one that serves a tree: they host no actors. */
const CLIENT = /^client-\d+$/;

export class Meters {
  readonly #system: ActorSystem;
  readonly #own = new ThreadTally();
  /** By the thread's name; undefined where it has ended meanwhile. */
  readonly #meters = new Map<string, Promise<ActorRef<MeterMessages> | undefined>>();
  readonly #begin = ({ name }: { name: string }) => void this.#follow(name);
  readonly #end = ({ name }: { name: string }) => void this.#meters.delete(name);
  readonly #died = ({ name, restarting }: { name: string; restarting: boolean }) => {
    if (!restarting) this.#meters.delete(name);
  };

  private constructor(system: ActorSystem) {
    this.#system = system;
  }

  /** On all present threads once it resolves. */
  static async start(system: ActorSystem): Promise<Meters> {
    const meters = new Meters(system);
    system.events.on('threadStart', meters.#begin);
    system.events.on('threadStop', meters.#end);
    system.events.on('threadDied', meters.#died);
    const own = system.endpoint.thread;
    const others = system.statistics().filter(({ thread, name }) => thread !== own && !CLIENT.test(name));
    await Promise.all(others.map(({ name }) => meters.#follow(name)));
    return meters;
  }

  /** What was counted since the last time. */
  async take(): Promise<TakenTally[]> {
    const asked = [...this.#meters.values()].map(async (starting) => {
      const ref = await starting;
      // A thread that has died or hangs has nothing to tell for now.
      return await ref
        ?.with({ timeout: PATIENCE })
        .ask('take')
        .catch(() => undefined);
    });
    const taken = await Promise.all(asked);
    return [this.#own.take(), ...taken.filter((tally) => tally !== undefined)];
  }

  async stop(): Promise<void> {
    const { events } = this.#system;
    events.off('threadStart', this.#begin);
    events.off('threadStop', this.#end);
    events.off('threadDied', this.#died);
    this.#own.close();
    const stopping = [...this.#meters.values()].map(async (starting) => {
      const ref = await starting;
      if (ref !== undefined) await this.#system.stop(ref).catch(() => {});
    });
    await Promise.all(stopping);
  }

  #follow(name: string): Promise<unknown> {
    const starting = this.#system.spawn(meter, undefined, { thread: name }).catch(() => undefined);
    this.#meters.set(name, starting);
    return starting;
  }
}
