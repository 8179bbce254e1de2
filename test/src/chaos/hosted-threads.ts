/**
 * The threads that the runtime itself starts and restarts, as victims: the driver's and the control thread. Used by the
 * supervising thread only.
 */
import type { Runtime } from '@mediated/core';
import { CHAOS_DRIVER } from './chaos-driver.js';
import { untilPassed } from './client-words.js';
import { clearOrder, giveOrder, isLooping, ORDER_WORDS } from './order.js';
import type { Plan, Way } from './plan.js';
import { spin, within } from './time.js';

type HostedThread = Awaited<ReturnType<Runtime['system']['thread']>>;

const CONTROL = 'vfio';
/** Milliseconds that a victim may take to where it is to die; it is ended wherever it is then. */
const PATIENCE = 1000;

/** A hosted thread's death. */
export interface HostedDeath {
  readonly name: string;
  readonly thread: number;
}

export class HostedThreads {
  readonly #orders: Int32Array<SharedArrayBuffer>;
  readonly #threads: readonly HostedThread[];
  readonly #doomed = new Set<HostedThread>();
  readonly #died: (death: HostedDeath) => void;
  #deaths = 0;
  #controlDeaths = 0;

  private constructor(
    orders: Int32Array<SharedArrayBuffer>,
    threads: readonly HostedThread[],
    died: (death: HostedDeath) => void,
  ) {
    this.#orders = orders;
    this.#threads = threads;
    this.#died = died;
  }

  /** `died` is told in the same turn of the event loop in which the thread's end became known. */
  static async of(
    { system }: Runtime,
    driverThreads: number,
    orders: Int32Array<SharedArrayBuffer>,
    died: (death: HostedDeath) => void,
  ): Promise<HostedThreads> {
    const names = [...Array.from({ length: driverThreads }, (_, shard) => `${CHAOS_DRIVER}/${shard}`), CONTROL];
    return new HostedThreads(orders, await Promise.all(names.map((name) => system.thread(name))), died);
  }

  /** Deaths so far. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Deaths so far of the control thread. */
  get controlDeaths(): number {
    return this.#controlDeaths;
  }

  /** Kills a driver's thread, or the control thread, as planned. False when it is dying or starting already. */
  async kill({ victim, place, way, after, micros }: Plan): Promise<boolean> {
    const at = victim === 'control' ? this.#threads.length - 1 : place;
    const thread = this.#threads[at] as HostedThread;
    if (thread.state !== 'running' || this.#doomed.has(thread)) return false;
    this.#doomed.add(thread);
    const { worker } = thread;
    const order = at * ORDER_WORDS;
    let gone = false;
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => {
        gone = true;
        this.#deaths++;
        this.#doomed.delete(thread);
        if (victim === 'driver') clearOrder(this.#orders, order);
        else this.#controlDeaths++;
        this.#died({ name: thread.name, thread: thread.id });
        resolve();
      });
    });
    if (victim === 'driver')
      await within(
        PATIENCE,
        this.#doomedAt(order, way, after, () => gone),
      );
    if (!gone) {
      spin(micros);
      void worker.terminate();
    }
    await ended;
    return true;
  }

  /** Resolves when a driver's thread is where it is to be killed, or has ended itself. */
  async #doomedAt(order: number, way: Way, after: number, gone: () => boolean): Promise<void> {
    if (way === 'moment') return untilPassed(this.#orders, order, after, gone);
    giveOrder(this.#orders, order, way === 'exit' ? 'exit' : 'loop', after);
    const isLost = () => gone() || isLooping(this.#orders, order);
    while (!isLost()) await untilPassed(this.#orders, order, 1, isLost);
  }

  /** Names of threads that do not run. */
  down(): string[] {
    return this.#threads.filter(({ state }) => state !== 'running').map(({ name }) => name);
  }

  /** Resolves when every thread runs with all its actors, or does not any more. */
  async ready(): Promise<void> {
    for (const thread of this.#threads) {
      let awaited: Promise<void> | undefined;
      while (awaited !== thread.ready) {
        awaited = thread.ready;
        // One that dies while it is being started again, is started once more.
        await awaited.catch(() => {});
      }
    }
  }
}
