/**
 * Hot unplug: a driver's thread has the supervising thread unregister a parent. The request is a word in the parent's
 * slot and a count for the whole bus, on which the supervising thread waits.
 *
 * Owner rules. PARENT_UNPLUG: set to the parent's generation by any thread of its driver, back to 0 by the supervising
 * thread. UNPLUGS: added to by any thread.
 */
import type { BusMemory } from './bus-memory.js';
import { PARENT_UNPLUG, UNPLUGS } from './layout.js';

/** Asks for a parent's unregistration, once for each of its lives. Any thread. */
export function requestUnplug({ parents, flags }: BusMemory, parent: number, generation: number): void {
  if (!parents.isCurrent(parent, generation)) return;
  Atomics.store(parents.words, parents.base(parent) + PARENT_UNPLUG, generation);
  Atomics.add(flags, UNPLUGS, 1);
  Atomics.notify(flags, UNPLUGS);
}

/** The supervising thread's side. Does not keep the process alive: the threads that may ask do. */
export class UnplugWatch {
  readonly #memory: BusMemory;
  readonly #unplug: (parent: { index: number; generation: number }) => void;
  #closed = false;

  constructor(memory: BusMemory, unplug: (parent: { index: number; generation: number }) => void) {
    this.#memory = memory;
    this.#unplug = unplug;
    void this.#follow();
  }

  close(): void {
    this.#closed = true;
    const { flags } = this.#memory;
    Atomics.add(flags, UNPLUGS, 1);
    Atomics.notify(flags, UNPLUGS);
  }

  async #follow(): Promise<void> {
    const { parents, flags } = this.#memory;
    while (!this.#closed) {
      const seen = Atomics.load(flags, UNPLUGS);
      for (let index = 0; index < parents.top; index++) {
        const generation = Atomics.exchange(parents.words, parents.base(index) + PARENT_UNPLUG, 0);
        if (generation !== 0 && parents.isCurrent(index, generation)) this.#unplug({ index, generation });
      }
      const sleep = Atomics.waitAsync(flags, UNPLUGS, seen);
      if (sleep.async) await sleep.value;
    }
  }
}
