/**
 * The clients of a chaos run: starts them, kills them, puts another in the place of each that has died. Used by the
 * supervising thread only.
 */
import { Worker } from 'node:worker_threads';
import type { Runtime } from '@mediated/core';
import type { BusClientData } from './bus-client.worker.js';
import { ClientWords } from './client-words.js';
import type { LockClientData } from './lock-client.worker.js';
import type { LockYard } from './lock-yard.js';
import { giveOrder, isLooping } from './order.js';
import type { Plan } from './plan.js';
import { spin, within } from './time.js';

/** What the clients work on. */
export interface Field {
  readonly runtime: Runtime;
  readonly yard: LockYard;
  readonly seed: number;
  readonly uuids: readonly string[];
  /** What is broken on purpose, if anything. */
  readonly breakage: string | undefined;
}

/** How many clients of each sort. */
export const CLIENT_SORTS = ['bus, blocking', 'lock, blocking', 'bus, awaiting', 'lock, awaiting'] as const;
export type ClientSort = (typeof CLIENT_SORTS)[number];
const USERS = 3;
const TASKS = 3;

/** Milliseconds that a victim may take to where it is to die; it is ended wherever it is then. */
const PATIENCE = 1000;

const BUS_CLIENT = new URL('./bus-client.worker.js', import.meta.url);
const LOCK_CLIENT = new URL('./lock-client.worker.js', import.meta.url);

/** A client's death, told when everything that it had should be given back. */
export interface Death {
  readonly place: number;
  readonly sort: ClientSort;
  /** Its thread id; -1 when it had none yet. */
  readonly thread: number;
  readonly error: Error | undefined;
}

export interface ClientHooks {
  /** In the same turn of the event loop in which the thread's end became known. */
  died(death: Death): void;
  complained(sort: ClientSort, place: number, text: string): void;
}

interface Living {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  gone: boolean;
  doomed: boolean;
}

export class Clients {
  readonly words: ClientWords;
  readonly #sorts: readonly ClientSort[];
  readonly #field: Field;
  readonly #hooks: ClientHooks;
  readonly #living: Living[] = [];
  #started = 0;
  #ending = false;

  constructor(field: Field, sorts: readonly ClientSort[], hooks: ClientHooks) {
    this.#field = field;
    this.#sorts = sorts;
    this.#hooks = hooks;
    this.words = ClientWords.create(sorts.length);
    for (const place of sorts.keys()) this.#start(place);
  }

  get count(): number {
    return this.#sorts.length;
  }

  /** Clients started so far. */
  get started(): number {
    return this.#started;
  }

  sort(place: number): ClientSort {
    return this.#sorts[place] as ClientSort;
  }

  /** Chooses a client as a victim. False: it does not work yet, or is somebody's victim already. */
  doom(place: number): boolean {
    const living = this.#living[place];
    if (living === undefined || living.doomed || !this.words.isRunning(place)) return false;
    living.doomed = true;
    return true;
  }

  /** Kills the client of a place, which was doomed, as planned; resolves when it has ended and another is being started. */
  async kill(place: number, { way, after, micros }: Plan): Promise<void> {
    const living = this.#living[place] as Living;
    const gone = () => living.gone;
    const { words } = this;
    const order = words.order(place);
    if (way === 'exit' || way === 'loop') {
      giveOrder(words.words, order, way, after);
      const isLost = () => gone() || isLooping(words.words, order);
      await within(PATIENCE, untilLost(words, place, isLost));
    } else {
      await within(PATIENCE, words.passed(place, after, gone));
      if (way === 'critical') await within(PATIENCE, words.critical(place, gone));
    }
    if (!living.gone) {
      spin(micros);
      void living.worker.terminate();
    }
    await living.ended;
  }

  /** Has all clients let go of everything and rest; resolves when they do. */
  async pause(): Promise<void> {
    this.words.setMode('pause');
    await this.words.until(() => this.#sorts.every((_, place) => this.words.isResting(place)));
  }

  resume(): void {
    this.words.setMode('run');
  }

  /** Ends all clients in good order. */
  async stop(): Promise<void> {
    this.#ending = true;
    this.words.setMode('stop');
    await Promise.all(this.#living.map(({ ended }) => ended));
  }

  /** Ends all clients wherever they are. */
  async destroy(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#living.map(({ worker }) => worker.terminate()));
  }

  #start(place: number): void {
    const { runtime, yard, seed, uuids, breakage } = this.#field;
    const sort = this.sort(place);
    const blocks = sort.endsWith('blocking');
    const stream = ++this.#started;
    this.words.vacate(place);
    const common = { words: this.words.words.buffer, place, yard: yard.handle, seed, stream };
    let worker: Worker;
    if (sort.startsWith('lock')) {
      const workerData: LockClientData = { ...common, tasks: blocks ? 0 : TASKS };
      worker = new Worker(LOCK_CLIENT, { workerData });
      runtime.watch(worker);
    } else {
      const { ticket, transfer } = runtime.invite();
      const workerData: BusClientData = { ...common, ticket, uuids, breakage, users: blocks ? 0 : USERS };
      worker = new Worker(BUS_CLIENT, { workerData, transferList: transfer });
      runtime.system.watch(worker, ticket.client);
    }
    let error: Error | undefined;
    worker.on('error', (thrown) => {
      error = thrown instanceof Error ? thrown : new Error(String(thrown));
    });
    worker.on('message', (text: string) => this.#hooks.complained(sort, place, text));
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => {
        living.gone = true;
        const thread = this.words.threadOf(place);
        this.words.vacate(place);
        if (!this.#ending) {
          this.#hooks.died({ place, sort, thread, error });
          this.#start(place);
        }
        resolve();
      });
    });
    const living: Living = { worker, ended, gone: false, doomed: false };
    this.#living[place] = living;
  }
}

/** Resolves when the client of a place has met its order. */
async function untilLost(words: ClientWords, place: number, isLost: () => boolean): Promise<void> {
  while (!isLost()) await words.passed(place, 1, isLost);
}
