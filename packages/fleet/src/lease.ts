/**
 * A host's lease: an entry that the server lets expire when it is not renewed. The host holds its lease while the last renewal
 * that was answered was sent less than a lease ago by the host's own monotonic clock; the server began to count later, so it
 * cannot have let the entry expire by then. Clocks of different machines are never compared.
 * Who has lost a lease takes it again with a compare-and-set on the host's record, which is what a fencer changes too: one of the
 * two wins. Main thread of a host.
 */
import { isUnanswered } from './connection.js';
import { hostKey, type HostRecord, hostRecord, leaseRecord } from './records.js';
import type { Kept, Store } from './store.js';

/** Parts of a lease after which it is renewed. */
const RENEWALS = 3;
/** Parts of a lease after which a renewal that failed is tried again. */
const RETRIES = 12;

export interface LeaseEvents {
  /** The lease was taken again after a lapse. */
  regained(): void;
  /** The epoch is over: somebody has fenced the host or took its name. */
  fenced(record: HostRecord | undefined): void;
}

export class Lease {
  readonly #store: Store;
  readonly #events: LeaseEvents;
  #record: Kept<HostRecord>;
  #revision = 0;
  /** Until when it is held, by `performance.now()`. */
  #until = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #began = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(store: Store, record: Kept<HostRecord>, events: LeaseEvents) {
    this.#store = store;
    this.#record = record;
    this.#events = events;
  }

  get held(): boolean {
    return !this.#closed && performance.now() < this.#until;
  }

  /** Takes it for the first time and keeps it from now on. Rejects with what the library threw. */
  async begin(): Promise<void> {
    const deadline = performance.now() + 2 * this.#store.record.lease;
    while (!this.#closed && !(await this.#renew())) {
      // An entry of the epoch before: the server lets it expire.
      if (performance.now() > deadline) break;
      await new Promise((resolve) => setTimeout(resolve, this.#store.record.lease / RETRIES));
    }
    this.#began = true;
    if (!this.#closed) this.#schedule(this.#store.record.lease / RENEWALS);
  }

  /** Stops renewing. With `giveUp` the entry goes at once. */
  async close(giveUp: boolean): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#turn;
    if (giveUp && this.#revision > 0) await this.#store.erase('leases', this.#revision).catch(() => {});
  }

  /** The host's record as this host has last written it. */
  get record(): Kept<HostRecord> {
    return this.#record;
  }

  #schedule(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      this.#turn = this.#keep();
    }, milliseconds);
  }

  async #keep(): Promise<void> {
    const lapsed = !this.held;
    const { lease } = this.#store.record;
    let renewed = false;
    try {
      renewed = await this.#renew();
    } catch (error) {
      if (!isUnanswered(error)) process.emitWarning(error as Error);
    }
    if (this.#closed) return;
    if (renewed && lapsed) this.#events.regained();
    this.#schedule(renewed ? lease / RENEWALS : lease / RETRIES);
  }

  /** One attempt. False: try again soon. */
  async #renew(): Promise<boolean> {
    const store = this.#store;
    const { name, epoch } = this.#record.value;
    const timeout = Math.max(50, store.record.lease / RENEWALS);
    const sent = performance.now();
    const lapsed = sent >= this.#until;
    const revision = await store.write('leases', name, { epoch }, this.#revision, timeout);
    if (revision === undefined) {
      // Expired, or a renewal was written whose answer did not come.
      const found = await store.read('leases', name, leaseRecord);
      this.#revision = found?.value.epoch === epoch ? found.revision : 0;
      if (found === undefined || found.value.epoch === epoch) return false;
      await this.#confirm();
      return false;
    }
    this.#revision = revision;
    if (lapsed && !(await this.#touch())) return false;
    this.#until = sent + store.record.lease;
    return true;
  }

  /** Marks in the host's record that the lease was taken anew. False: the epoch is over. */
  async #touch(): Promise<boolean> {
    const { value, revision } = this.#record;
    if (!this.#began) return this.#confirm();
    const next = { ...value, term: value.term + 1 };
    const written = await this.#store.write('hosts', hostKey(value.name), next, revision);
    if (written === undefined) return this.#confirm();
    this.#record = { value: next, revision: written };
    return true;
  }

  /** Looks whether the epoch still holds; the lease goes when it does not. */
  async #confirm(): Promise<boolean> {
    const { name, epoch } = this.#record.value;
    const found = await this.#store.read('hosts', hostKey(name), hostRecord);
    if (found?.value.epoch === epoch && found.value.state === 'up') {
      const same = found.revision === this.#record.revision;
      this.#record = found;
      return same;
    }
    if (!this.#closed) {
      this.#closed = true;
      clearTimeout(this.#timer);
      await this.#store.erase('leases', this.#revision).catch(() => {});
      this.#events.fenced(found?.value);
    }
    return false;
  }

  /** The host's record has changed, as a watch says. */
  async recheck(): Promise<void> {
    if (!this.#closed) await this.#confirm().catch(() => false);
  }
}
