/**
 * Publishes what a host offers, whenever it changes. One publication is under way at a time; what changes meanwhile goes with the
 * next one, so a slow server makes the published state late and never makes the host wait. Main thread of a host.
 */
import { isUnanswered } from './connection.js';
import type { Machine } from './machine.js';
import type { HostRecord } from './records.js';
import type { Store } from './store.js';

export class Inventory {
  readonly #store: Store;
  readonly #machine: Machine;
  readonly #host: HostRecord;
  #number = 0;
  #dirty = false;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(store: Store, machine: Machine, host: HostRecord) {
    this.#store = store;
    this.#machine = machine;
    this.#host = host;
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
    await this.settled();
  }

  async #run(): Promise<void> {
    while (this.#dirty && !this.#closed) {
      this.#dirty = false;
      try {
        const parents = await this.#machine.offers();
        const devices = this.#machine.devices().length;
        const { name, epoch } = this.#host;
        await this.#store.put('inventories', name, { epoch, devices, number: ++this.#number, parents });
      } catch (error) {
        if (this.#closed || this.#store.connection.isClosed()) return;
        if (!isUnanswered(error)) process.emitWarning(error as Error);
        this.#dirty = true;
        await new Promise((resolve) => setTimeout(resolve, this.#store.record.lease / 12));
      }
    }
  }
}
