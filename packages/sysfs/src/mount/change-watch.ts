/**
 * Tells the thread that serves a mount that something may have changed, while clients wait for changes: it cannot follow the
 * event log itself while it sleeps in the kernel. Belongs to the thread that mounted.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Runtime } from '@mediated/core';
import { type ParkingHandle, tellChange } from '../serve/parking.js';

/** What ends files and is told after its last event. Published on the thread that started the runtime. */
const ENDS = ['mediated:parent:unregistered', 'mediated:driver:unloaded'];

export class ChangeWatch {
  readonly #runtime: Runtime;
  readonly #words: ParkingHandle;
  readonly #server: number;
  #close: (() => void) | undefined;

  /** `server`: the id of the thread that serves the mount. */
  constructor(runtime: Runtime, words: ParkingHandle, server: number) {
    this.#runtime = runtime;
    this.#words = words;
    this.#server = server;
  }

  /** Begins or ends to follow the events. */
  set(any: boolean): void {
    this.#close?.();
    this.#close = undefined;
    if (any) void this.#follow();
  }

  async #follow(): Promise<void> {
    const reader = this.#runtime.bus.memory.events.reader();
    const tell = () => this.#tell();
    for (const name of ENDS) subscribe(name, tell);
    this.#close = () => {
      for (const name of ENDS) unsubscribe(name, tell);
      reader.close();
    };
    // What happened before the reader was made counts too.
    this.#tell();
    while (!reader.closed) {
      await reader.wait();
      if (reader.closed) return;
      while (reader.read() !== 'end');
      this.#tell();
    }
  }

  #tell(): void {
    tellChange(this.#words);
    this.#runtime.system.client.endpoint.ring(this.#server);
  }
}
