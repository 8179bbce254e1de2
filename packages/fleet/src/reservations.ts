/**
 * One UUID space: what this host has reserved. A UUID is reserved by writing its key with the expectation that there is none,
 * and given back by deleting exactly that revision; both are atomic on the server, and neither can touch what somebody else
 * wrote meanwhile. A reservation holds while its host's epoch does. Main thread of a host; the map below is this object's alone.
 */
import { isMediatedError, MediatedError } from '@mediated/core';
import { isClaimed } from './claim.js';
import { isUnanswered, refusalOf } from './connection.js';
import { isOwner } from './membership.js';
import { type ReservationRecord, reservationRecord } from './records.js';
import type { Store } from './store.js';

/** What a UUID is reserved for. */
interface Purpose {
  readonly parent: string;
  readonly type: string;
  readonly request: string;
}

export class Reservations {
  readonly #store: Store;
  readonly #host: string;
  readonly #epoch: string;
  /** Revision by UUID of what this host has reserved for certain. */
  readonly #own = new Map<string, number>();
  /** UUIDs that a request for is under way, or of which it is open what became. */
  readonly #unsettled = new Set<string>();
  /** Reservations whose answer stayed out: the server may have them, or come to have them, without this host's knowing. */
  readonly #open = new Map<string, Purpose>();
  /** The last audit did not come to its end. */
  #doubt = false;
  /** UUIDs that are being given back; a reservation waits for the end of it. */
  readonly #releasing = new Map<string, Promise<void>>();
  #closed = false;

  constructor(store: Store, host: string, epoch: string) {
    this.#store = store;
    this.#host = host;
    this.#epoch = epoch;
  }

  has(uuid: string): boolean {
    return this.#own.has(uuid);
  }

  /**
   * Whether a revision on the server is this host's, or may turn out to be: false once nobody here will ever give it back. What
   * is being given back is waited for, so that whoever asks is not refused what is free in a moment.
   */
  async owns(uuid: string, revision: number): Promise<boolean> {
    await this.#releasing.get(uuid);
    if (this.#own.has(uuid)) return this.#own.get(uuid) === revision;
    return this.#unsettled.has(uuid) || this.#open.has(uuid);
  }

  /** UUIDs that are reserved. */
  get uuids(): string[] {
    return [...this.#own.keys()];
  }

  /** Whether an {@link audit} may find something. */
  get doubt(): boolean {
    return this.#doubt || this.#open.size > 0;
  }

  /**
   * Reserves a UUID. EEXIST: somebody has it, also this host itself. EIO: the server did not answer; what it may have written
   * goes at the next {@link audit}.
   */
  async reserve(uuid: string, what: Purpose): Promise<void> {
    await this.#releasing.get(uuid);
    if (this.#own.has(uuid) || this.#unsettled.has(uuid)) throw exists(uuid, this.#host);
    await this.#take(uuid, what);
    this.#open.delete(uuid);
  }

  async #take(uuid: string, what: Purpose): Promise<void> {
    const record: ReservationRecord = { host: this.#host, epoch: this.#epoch, ...what };
    this.#unsettled.add(uuid);
    try {
      for (;;) {
        const revision = await this.#store.write('devices', uuid, record, 0);
        if (revision !== undefined) {
          this.#own.set(uuid, revision);
          return;
        }
        const found = await this.#store.read('devices', uuid, reservationRecord);
        if (found === undefined) continue;
        const { host, epoch, request } = found.value;
        if (host === this.#host && epoch === this.#epoch) {
          // Of this epoch and not known: written by a request whose answer did not come.
          if (request !== what.request) await this.#store.erase('devices', found.revision);
          else return void this.#own.set(uuid, found.revision);
        } else if ((await isOwner(this.#store, host, epoch)) && (await isClaimed(this.#store, uuid, found))) {
          throw exists(uuid, host);
        } else await this.#store.erase('devices', found.revision);
      }
    } catch (error) {
      if (!isMediatedError(error, 'EEXIST')) this.#open.set(uuid, what);
      throw refusalOf(error, 'create', uuid);
    } finally {
      this.#unsettled.delete(uuid);
    }
  }

  /** Gives a UUID back; resolves when it is free. Tries again for as long as the server does not answer. */
  release(uuid: string): Promise<void> {
    const running = this.#releasing.get(uuid);
    const revision = this.#own.get(uuid);
    if (running !== undefined || revision === undefined) return running ?? Promise.resolve();
    const releasing = this.#erase(revision).finally(() => {
      this.#own.delete(uuid);
      this.#releasing.delete(uuid);
    });
    this.#releasing.set(uuid, releasing);
    return releasing;
  }

  /** Gives back what is open, and deletes what the server has of this epoch and this host knows nothing of. */
  async audit(): Promise<void> {
    this.#doubt = false;
    try {
      for (const [uuid, what] of [...this.#open]) await this.#settle(uuid, what);
      for await (const { key, value, revision } of this.#store.all('devices', reservationRecord)) {
        if (value.host !== this.#host || value.epoch !== this.#epoch) continue;
        if (this.#own.has(key) || this.#unsettled.has(key) || this.#releasing.has(key)) continue;
        await this.#during(key, this.#store.erase('devices', revision));
      }
    } catch (error) {
      this.#doubt = true;
      throw error;
    }
  }

  /**
   * Reserves once more what is open, and gives it back. To look whether it is there would not be enough: when a server of several
   * dies, what it had begun to write may appear when the others have agreed, after whoever has looked. A write comes after it.
   */
  async #settle(uuid: string, what: Purpose): Promise<void> {
    this.#open.delete(uuid);
    // A later request for it, which comes after it just so.
    if (this.#own.has(uuid) || this.#unsettled.has(uuid) || this.#releasing.has(uuid)) return;
    const settling = this.#take(uuid, what).then(
      () => this.#erase(this.#own.get(uuid) ?? 0).finally(() => this.#own.delete(uuid)),
      (error: unknown) => {
        // Somebody else has it, and so this host does not.
        if (!isMediatedError(error, 'EEXIST')) throw error;
      },
    );
    await this.#during(uuid, settling);
  }

  /** Lets reservations of a UUID wait for something. */
  async #during(uuid: string, work: Promise<void>): Promise<void> {
    const settled = work.catch(() => {}).finally(() => this.#releasing.delete(uuid));
    this.#releasing.set(uuid, settled);
    await work;
    await settled;
  }

  /** Gives up trying to give back; the end of the epoch does it. */
  close(): void {
    this.#closed = true;
  }

  async #erase(revision: number): Promise<void> {
    while (!this.#closed) {
      try {
        return await this.#store.erase('devices', revision);
      } catch (error) {
        if (this.#store.connection.isClosed()) return;
        if (!isUnanswered(error)) {
          this.#doubt = true;
          throw refusalOf(error, 'remove', String(revision));
        }
        await new Promise((resolve) => setTimeout(resolve, this.#store.record.lease / 12));
      }
    }
  }
}

function exists(uuid: string, host: string): MediatedError {
  const text = `create ${uuid}: this UUID is in use on ${host}; choose another or remove that device first`;
  return new MediatedError('EEXIST', text, { syscall: 'create' });
}
