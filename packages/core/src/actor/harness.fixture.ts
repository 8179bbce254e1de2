/** What several tests of actors need on the main thread. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ActorRef, ActorSystem, MessageMap, SystemEvents } from '@mediated/core/actor';
import type { ClientData } from './client.fixture.js';

/** The next event of a system. */
export async function nextEvent<K extends keyof SystemEvents>(
  system: ActorSystem,
  name: K,
): Promise<Parameters<SystemEvents[K]>[0]> {
  return new Promise((resolve) => {
    const events = system.events as unknown as { once(name: K, listener: (value: never) => void): void };
    events.once(name, resolve as (value: never) => void);
  });
}

/** A client worker that does one job; `next` gives what it posts, in order. */
export class ClientWorker {
  readonly worker: Worker;
  readonly exited: Promise<number>;
  readonly #received: unknown[] = [];
  #waiting: ((message: unknown) => void)[] = [];

  constructor(system: ActorSystem, echo: ActorRef<MessageMap>, job: ClientData['job']) {
    const { ticket, transfer } = system.invite();
    const data: ClientData = { ticket, echo: echo.handle, job };
    this.worker = new Worker(new URL('./client.fixture.js', import.meta.url), {
      workerData: data,
      transferList: transfer,
    });
    system.watch(this.worker, ticket);
    this.exited = once(this.worker, 'exit').then(([code]) => code as number);
    this.worker.on('message', (message) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#received.push(message);
      else waiting(message);
    });
  }

  next(): Promise<unknown> {
    if (this.#received.length !== 0) return Promise.resolve(this.#received.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Blocks an echo actor's thread until `release` is called; resolves once it is blocked. */
export async function blockThread(blocked: (words: Int32Array) => unknown): Promise<{ release(): void }> {
  const words = new Int32Array(new SharedArrayBuffer(8));
  blocked(words);
  const wait = Atomics.waitAsync(words, 0, 0);
  if (wait.async) await wait.value;
  return {
    release() {
      Atomics.store(words, 1, 1);
      Atomics.notify(words, 1);
    },
  };
}
