/** The test's side of the scripted driver: a runtime with it, its board, its events, the errors of its callbacks. */
import {
  type LoadOptions,
  type Mdev,
  type MediatedError,
  type Parent,
  Runtime,
  type RuntimeOptions,
} from '@mediated/core';
import type { ActorSystem, SystemEvents } from '@mediated/core/actor';
import { Board } from './board.fixture.js';

/** UUID number `n` of a test, below 256. With two shards, the odd ones belong to the second. */
export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** Another driver, like the scripted one. */
export const NEWCOMER = new URL('./newcomer-driver.fixture.js', import.meta.url);

/** The errno name with which a promise rejects, or `fulfilled`. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'fulfilled',
    (error: unknown) => (error as MediatedError).code ?? String(error),
  );
}

/** The next event of the actor system that `wanted` accepts. */
export function systemEvent<K extends keyof SystemEvents>(
  system: ActorSystem,
  name: K,
): Promise<Parameters<SystemEvents[K]>[0]> {
  const events = system.events as unknown as { once(name: K, listener: (event: never) => void): void };
  return new Promise((resolve) => events.once(name, resolve as (event: never) => void));
}

export interface ScriptedOptions extends RuntimeOptions, Pick<LoadOptions, 'threads'> {
  readonly query?: string;
}

/** A runtime with the scripted driver. Close it when the test ends. */
export class Scripted {
  readonly runtime: Runtime;
  readonly board: Board;
  readonly #events: string[] = [];

  private constructor(runtime: Runtime, board: Board) {
    this.runtime = runtime;
    this.board = board;
    runtime.bus.events.on('uevent', ({ action, uuid: of, devpath, variables }) => {
      const driver = variables.some(([name]) => name === 'DRIVER') ? ' with driver' : '';
      const state = variables.find(([name]) => name === 'MDEV_STATE')?.[1];
      const subject = of === undefined ? devpath : Number.parseInt(of.slice(-4), 16);
      this.#events.push(`${action} ${subject}${driver}${state === undefined ? '' : ` ${state}`}`);
    });
  }

  static async start({ query, threads, ...options }: ScriptedOptions = {}): Promise<Scripted> {
    const runtime = Runtime.start({ closeDeadline: 0, ...options });
    const board = new Board();
    const scripted = new Scripted(runtime, board);
    const module = new URL(`./scripted-driver.fixture.js${query ?? ''}`, import.meta.url);
    await runtime.loadDriver(module, { options: board.buffer, ...(threads === undefined ? {} : { threads }) });
    scripted.events();
    return scripted;
  }

  /** Registers a parent of the scripted driver; the events of that are forgotten. */
  async parent(name: string, threads = 1, driver = 'scripted'): Promise<Parent> {
    const parent = await this.runtime.registerParent({ name, driver, threads, typePrefix: 't' });
    this.events();
    return parent;
  }

  /** The uevents since the last call, as `add 3`. */
  events(): string[] {
    this.runtime.bus.drainEvents();
    return this.#events.splice(0);
  }

  /** Starts a create and waits until its probe holds. */
  async holding(parent: Parent, n: number): Promise<{ created: Promise<Mdev> }> {
    const created = parent.create('t-held', uuid(n));
    created.catch(() => {});
    await this.board.reached(`probe ${n}`);
    return { created };
  }

  close(): Promise<void> {
    return this.runtime.close();
  }
}
