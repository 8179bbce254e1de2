/** Sets the stage for tests: a runtime with the sample driver, its words, client threads. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Mdev, type Parent, Runtime, type RuntimeOptions } from '@mediated/core';
import type { ClientData } from './client.fixture.js';
import { SHUT, WORDS } from './sample.fixture.js';

const SAMPLE = new URL('./sample.fixture.js', import.meta.url);
const CLIENT = new URL('./client.fixture.js', import.meta.url);

export class Stage {
  readonly runtime: Runtime;
  readonly words: Int32Array<SharedArrayBuffer>;
  #parent: Parent | undefined;

  private constructor(options: RuntimeOptions) {
    this.runtime = Runtime.start(options);
    this.words = new Int32Array(new SharedArrayBuffer(WORDS * 4));
  }

  /** `threads`: of the driver; all serve the one parent, `p`. */
  static async set(threads = 1, options: RuntimeOptions = {}): Promise<Stage> {
    const stage = new Stage(options);
    const parents = [{ name: 'p', threads }];
    await stage.runtime.loadDriver(SAMPLE, { threads, parents, options: { words: stage.words } });
    stage.#parent = stage.runtime.bus.parent('p');
    return stage;
  }

  get bus() {
    return this.runtime.bus;
  }

  get parent(): Parent {
    return this.#parent as Parent;
  }

  /** Makes a device on the given thread of the driver: the first digits of its UUID choose. */
  create(type: 'solo' | 'pair' | 'keyed', digits = 0): Promise<Mdev> {
    return this.parent.create(`sample-${type}`, uuidOf(digits));
  }

  count(word: number): number {
    return Atomics.load(this.words, word);
  }

  tell(word: number, value: number): void {
    Atomics.store(this.words, word, value);
  }

  shut(): void {
    this.tell(SHUT, 1);
  }

  unshut(): void {
    this.tell(SHUT, 0);
    Atomics.notify(this.words, SHUT);
  }

  /** Starts a client thread; `said` is its first message, `ended` its exit. */
  client(data: Omit<ClientData, 'ticket'>): { said: Promise<unknown>; ended: Promise<unknown> } {
    const { ticket, transfer } = this.runtime.invite();
    const worker = new Worker(CLIENT, { workerData: { ...data, ticket }, transferList: transfer });
    this.runtime.watch(worker);
    const said = once(worker, 'message').then(([message]) => message);
    said.catch(() => {});
    return { said, ended: once(worker, 'exit') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unshut();
    await this.runtime.close();
  }
}

export function uuidOf(digits: number): string {
  return `${digits.toString(16).padStart(8, '0')}-0000-0000-0000-000000000000`;
}
