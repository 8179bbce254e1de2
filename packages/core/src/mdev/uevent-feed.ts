/**
 * Follows the event log for one thread and emits what it says. The log is the truth; this is its reader.
 */
import type { Emitter } from '../emitter.js';
import type { BusMemory } from './bus-memory.js';
import type { EventReader } from './event-reader.js';
import { formatUevent, type Uevent } from './uevents.js';

/** Events of `bus.events`: every uevent as `uevent` and under its action. */
export type UeventEvents = {
  uevent: (event: Uevent) => void;
  add: (event: Uevent) => void;
  remove: (event: Uevent) => void;
  change: (event: Uevent) => void;
  bind: (event: Uevent) => void;
  unbind: (event: Uevent) => void;
  /** Only ever synthetic, as the next two. */
  move: (event: Uevent) => void;
  online: (event: Uevent) => void;
  offline: (event: Uevent) => void;
  /** This thread was too slow: so many events were overwritten before it read them. */
  lost: (count: number) => void;
};

export class UeventFeed {
  readonly #memory: BusMemory;
  readonly #emitter: Emitter<UeventEvents>;
  readonly #reader: EventReader;

  constructor(memory: BusMemory, emitter: Emitter<UeventEvents>) {
    this.#memory = memory;
    this.#emitter = emitter;
    this.#reader = memory.events.reader();
    void this.#follow();
  }

  /** Emits what is in the log. */
  drain(): void {
    for (let read = this.#reader.read(); read !== 'end'; read = this.#reader.read()) {
      if (read !== 'event') {
        this.#emitter.emit('lost', read.lost);
        continue;
      }
      const event = formatUevent(this.#memory, this.#reader);
      this.#emitter.emit(event.action, event);
      this.#emitter.emit('uevent', event);
    }
  }

  close(): void {
    this.#reader.close();
  }

  async #follow(): Promise<void> {
    while (!this.#reader.closed) {
      await this.#reader.wait();
      if (!this.#reader.closed) this.drain();
    }
  }
}
