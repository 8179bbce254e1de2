/**
 * Tells the fleet's stream of hosts that were lost, which they cannot do themselves. Three hosts at a time have a seat, an entry
 * among the leases that expires with its holder; they watch all leases. What they tell has one name for all of them, so the
 * server keeps it once. Main thread of a host.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { decode, encode } from './shape.js';
import { WHOLE_HOST } from './names.js';
import { type EventRecord, eventRecord, type LeaseRecord, reservationRecord, SEATS, seatKey } from './records.js';
import type { Store } from './store.js';
import { type HostView, View } from './view.js';

export class Warden {
  readonly #store: Store;
  readonly #epoch: string;
  readonly #closing = new AbortController();
  #seat = 0;
  #revision = 0;
  #view: View | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(store: Store, epoch: string) {
    this.#store = store;
    this.#epoch = epoch;
  }

  /** Whether it has a seat. */
  get seated(): boolean {
    return this.#view !== undefined;
  }

  begin(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    this.#view?.close();
    if (this.#revision > 0) await this.#store.erase('leases', this.#revision).catch(() => {});
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { lease } = this.#store.record;
    while (!signal.aborted) {
      await this.#sit().catch(() => {
        // The server did not answer: whether the seat is still there shows at the next turn.
        this.#revision = 0;
      });
      if (this.#revision === 0) {
        this.#view?.close();
        this.#view = undefined;
      }
      await pause(this.#revision > 0 ? lease / 3 : lease, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Takes a seat or keeps it. */
  async #sit(): Promise<void> {
    if (this.#revision === 0) this.#seat = Math.floor(Math.random() * SEATS);
    const entry: LeaseRecord = { epoch: this.#epoch, state: 'held' };
    this.#revision = (await this.#store.write('leases', seatKey(this.#seat), entry, this.#revision)) ?? 0;
    if (this.#revision === 0 || this.#view !== undefined || this.#closing.signal.aborted) return;
    this.#view = await View.open(this.#store, { offers: false });
    for (const host of this.#view.hosts()) if (host.state === 'lost') void this.#tell(host);
    this.#view.on('state', (host) => {
      if (host.state === 'lost') void this.#tell(host);
    });
  }

  async #tell({ name, epoch, term }: HostView): Promise<void> {
    try {
      if (await this.#isTold(name, epoch, term)) return;
      const lost = { host: name, epoch, number: term, action: 'lost' };
      for await (const { key: uuid, value } of this.#store.all('devices', reservationRecord)) {
        if (value.host === name && value.epoch === epoch) await this.#append({ ...lost, uuid });
      }
      await this.#append(lost as EventRecord);
    } catch {
      // Another seat tells it, or whoever takes one next.
    }
  }

  async #append(
    event: Omit<EventRecord, 'subsystem' | 'devpath' | 'parent' | 'count' | 'uuid'> & { uuid?: string },
  ): Promise<void> {
    const { host, epoch, number, uuid = WHOLE_HOST } = event;
    const msgID = `lost.${host}.${epoch}.${number}.${uuid}`;
    await this.#store.jetstream.publish(this.#store.names.told(host, uuid), encode(event), { msgID });
  }

  /** The last word about a host is this one: it was told before anybody who has a seat now came. */
  async #isTold(host: string, epoch: string, term: number): Promise<boolean> {
    const { manager, names } = this.#store;
    const last = await manager.streams.getMessage(names.events, { last_by_subj: names.told(host, WHOLE_HOST) });
    if (last === null) return false;
    const event = decode(last.data, eventRecord, 'an event');
    return event.epoch === epoch && event.number === term;
  }
}
