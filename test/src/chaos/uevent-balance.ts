/** Follows a bus's uevents and knows which devices they say are there. Supervising thread only. */
import type { Bus } from '@mediated/core';

export class UeventBalance {
  readonly #there = new Map<string, number>();
  readonly #wrong: string[] = [];
  #lost = 0;

  constructor(bus: Bus) {
    bus.events.on('uevent', ({ action, subsystem, uuid, sequence }) => {
      if (subsystem !== 'mdev' || uuid === undefined || (action !== 'add' && action !== 'remove')) return;
      const count = (this.#there.get(uuid) ?? 0) + (action === 'add' ? 1 : -1);
      if (this.#lost === 0 && count !== 0 && count !== 1) {
        this.#wrong.push(`event ${sequence} is ${action} of ${uuid}, of which there are ${count} then`);
      }
      if (count === 0) this.#there.delete(uuid);
      else this.#there.set(uuid, count);
    });
    bus.events.on('lost', (count) => {
      this.#lost += count;
    });
  }

  /** Where the events and these devices differ. Nothing is known once events were lost. */
  compare(uuids: readonly string[]): string[] {
    if (this.#lost > 0) return [];
    const there = new Set(uuids);
    return [
      ...this.#wrong,
      ...[...this.#there.keys()].filter((uuid) => !there.has(uuid)).map((uuid) => `${uuid} has no event remove`),
      ...uuids.filter((uuid) => !this.#there.has(uuid)).map((uuid) => `${uuid} has no event add`),
    ];
  }
}
