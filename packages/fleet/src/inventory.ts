/**
 * Publishes what a host offers, whenever it changes. One publication is under way at a time, and some time passes between two;
 * what changes meanwhile goes with the next one. So a busy host or a slow server makes the published state late and never makes
 * the host wait. Main thread of a host.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { isUnanswered } from './connection.js';
import type { Machine } from './machine.js';
import type { HostRecord } from './records.js';
import type { Store } from './store.js';

/** Milliseconds between two publications. Fuller than published, a host refuses, and placement goes on to the next one. */
const INTERVAL = 50;

export class Inventory {
  readonly #store: Store;
  readonly #machine: Machine;
  readonly #host: HostRecord;
  #number = 0;
  #dirty = false;
  #running: Promise<void> | undefined;
  #closed = false;
  readonly #closing = new AbortController();

  constructor(store: Store, machine: Machine, host: HostRecord) {
    this.#store = store;
    this.#machine = machine;
    this.#host = host;
  }

  /** Publishes what is offered at this moment. Throws what the library or the machine threw. */
  async publish(): Promise<void> {
    const parents = await this.#machine.offers();
    const devices = this.#machine.devices().length;
    const { name, epoch } = this.#host;
    await this.#store.put('inventories', name, { epoch, devices, number: ++this.#number, parents });
  }

  /** What is offered may have changed. */
  changed(): void {
    this.#dirty = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#dirty && !this.#closed) this.changed();
    });
  }

  /** Resolves when everything that has changed so far is published, or cannot be. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.abort();
    await this.settled();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#dirty && !this.#closed) {
      // What is answered now goes first, and what changes meanwhile goes along.
      await pause(INTERVAL, undefined, { signal, ref: false }).catch(() => {});
      this.#dirty = false;
      try {
        await this.publish();
      } catch (error) {
        if (this.#closed || this.#store.connection.isClosed()) return;
        if (!isUnanswered(error)) process.emitWarning(error as Error);
        this.#dirty = true;
      }
    }
  }
}
