/**
 * A host's lease: an entry that the server lets expire when it is not renewed. The host holds its lease while the last renewal
 * that was answered was sent less than a lease ago by the host's own monotonic clock; the server began to count later, so it
 * cannot have let the entry expire by then. Clocks of different machines are never compared.
 * Who has lost a lease takes it again with a compare-and-set on the host's record, which is what a fencer changes too: one of the
 * two wins. A lease that was taken is renewed at once, and only the renewal says `held`: whoever sees it finds a host that has
 * heard of its lease already and does what it is asked. Main thread of a host.
 */
import { isUnanswered } from './connection.js';
import { hostKey, type HostRecord, hostRecord, type LeaseRecord, leaseRecord } from './records.js';
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

  /**
   * Takes it for the first time and keeps it from now on; false when it was not to be had within two leases. Rejects with
   * what the library threw.
   */
  async begin(): Promise<boolean> {
    const { lease } = this.#store.record;
    const deadline = performance.now() + 2 * lease;
    // An entry of the epoch before is in the way until the server lets it expire.
    while (!this.#closed && !(await this.#renew())) {
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, lease / RETRIES));
    }
    if (this.#closed) return false;
    this.#began = true;
    this.#schedule(0);
    return true;
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
    if (!renewed) this.#schedule(lease / RETRIES);
    else this.#schedule(lapsed ? 0 : lease / RENEWALS);
  }

  /** One attempt. False: try again soon. */
  async #renew(): Promise<boolean> {
    const store = this.#store;
    const { name, epoch } = this.#record.value;
    const timeout = Math.max(100, store.record.lease / RENEWALS);
    const sent = performance.now();
    // The entry was away: the host may have been fenced meanwhile, whatever its own clock says.
    const anew = this.#revision === 0;
    const entry: LeaseRecord = { epoch, state: anew ? 'taken' : 'held' };
    const revision = await store.write('leases', name, entry, this.#revision, timeout);
    if (revision === undefined) {
      // Expired, or a renewal was written whose answer did not come.
      const found = await store.read('leases', name, leaseRecord);
      this.#revision = found?.value.epoch === epoch && !anew ? found.revision : 0;
      if (anew && found?.value.epoch === epoch) await store.erase('leases', found.revision);
      if (found !== undefined && found.value.epoch !== epoch) await this.#confirm();
      return false;
    }
    if (anew && !(await this.#touch(revision))) return false;
    this.#revision = revision;
    this.#until = sent + store.record.lease;
    return true;
  }

  /** Marks in the host's record that the lease was taken anew. False: the epoch is over. */
  async #touch(lease: number): Promise<boolean> {
    const { value, revision } = this.#record;
    const next = { ...value, term: value.term + 1 };
    const written = await this.#store.write('hosts', hostKey(value.name), next, revision);
    if (written === undefined) {
      await this.#store.erase('leases', lease);
      await this.#confirm();
      return false;
    }
    this.#record = { value: next, revision: written };
    return true;
  }

  /** Looks whether the epoch still holds, and ends when it does not. */
  async #confirm(): Promise<void> {
    const { name, epoch } = this.#record.value;
    const found = await this.#store.read('hosts', hostKey(name), hostRecord);
    if (found?.value.epoch === epoch && found.value.state === 'up') {
      this.#record = found;
      return;
    }
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#revision > 0) await this.#store.erase('leases', this.#revision).catch(() => {});
    this.#events.fenced(found?.value);
  }

  /** The host's record has changed, as a watch says. */
  async recheck(): Promise<void> {
    if (this.#closed || !this.#began) return;
    // After the renewal that is under way, which may have changed it.
    await this.#turn;
    await this.#confirm().catch(() => {});
  }
}
