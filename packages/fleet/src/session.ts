/**
 * One epoch of a host: from joining to leaving or being fenced. What was begun is undone in the reverse order. Main thread.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { isMediatedError } from '@mediated/core';
import { HostService } from './host-service.js';
import { Inventory } from './inventory.js';
import { Journal } from './journal.js';
import { Lease, type LeaseEvents } from './lease.js';
import type { Machine, MachineEvent } from './machine.js';
import { leave, sweep } from './membership.js';
import { hostKey, type HostRecord } from './records.js';
import { Reservations } from './reservations.js';
import type { Kept, Store } from './store.js';
import { Warden } from './warden.js';

/** The subsystem of the uevents that mediated devices send. */
const MDEV = 'mdev';
/** Milliseconds that a host that leaves waits for its last events to be taken. */
const PATIENCE = 2000;

export class Session {
  readonly host: HostRecord;
  readonly #store: Store;
  readonly #machine: Machine;
  readonly #lease: Lease;
  readonly #reservations: Reservations;
  readonly #service: HostService;
  readonly #inventory: Inventory;
  readonly #journal: Journal;
  readonly #warden: Warden;
  readonly #closing = new AbortController();
  readonly #background = new Set<Promise<unknown>>();
  #unfollow = () => {};
  #stopAsking: (() => Promise<void>) | undefined;
  #watch: { stop(): void } | undefined;
  #ended = false;

  constructor(store: Store, machine: Machine, record: Kept<HostRecord>, events: LeaseEvents) {
    const host = record.value;
    this.host = host;
    this.#store = store;
    this.#machine = machine;
    this.#lease = new Lease(store, record, {
      regained: () => {
        this.#regained();
        events.regained();
      },
      fenced: (found) => {
        if (!this.#ended) events.fenced(found);
      },
    });
    this.#reservations = new Reservations(store, host.name, host.epoch);
    const parts = { store, host, machine, lease: this.#lease, reservations: this.#reservations };
    this.#service = new HostService(parts);
    this.#inventory = new Inventory(store, machine, host);
    this.#journal = new Journal(store, host);
    this.#warden = new Warden(store, host.epoch);
  }

  /** Begins to serve. False: the epoch was over before its first lease. What was begun by then is still to be ended. */
  async begin(): Promise<boolean> {
    this.#unfollow = this.#machine.follow(
      (event) => this.#heard(event),
      (count) => this.#journal.missed(count),
    );
    // Whoever sees the lease finds the service and what the host offers.
    await this.#service.begin();
    await this.#inventory.publish();
    if (!(await this.#lease.begin())) return false;
    // What the epochs before this one had is nobody's.
    this.#do(sweep(this.#store, this.host.name));
    this.#do(this.#watchRecord());
    this.#do(this.#auditWhenInDoubt());
    this.#stopAsking = await this.#machine.askFirst?.({
      reserve: (uuid, parent, type) => this.#service.reserve(parent, type, uuid),
      release: (uuid) => this.#service.release(uuid),
    });
    for (const { uuid, parent, type } of this.#machine.devices()) await this.#adopt(uuid, parent, type);
    this.#journal.tell({ action: 'joined' });
    this.#warden.begin();
    return true;
  }

  /** Whether commands are accepted at the moment. */
  get held(): boolean {
    return this.#lease.held;
  }

  /** As {@link HostService.create}. */
  create(parent: string, type: string, uuid: string, request: string): Promise<void> {
    return this.#service.create(parent, type, uuid, request);
  }

  /** As {@link HostService.refuse}. */
  refuse(): void {
    this.#service.refuse();
  }

  /** UUIDs that this host has reserved. */
  get reserved(): string[] {
    return this.#reservations.uuids;
  }

  /** Resolves when everything that has happened so far is told and published. */
  async settled(): Promise<void> {
    await Promise.all([this.#journal.settled(), this.#inventory.settled()]);
  }

  /** Ends: of its own will (`left`), when the machine has no devices any more, or because it was fenced. */
  async end(how: 'left' | 'fenced'): Promise<void> {
    this.#ended = true;
    this.#closing.abort();
    this.#watch?.stop();
    await this.#service.close();
    await this.#stopAsking?.();
    await this.#warden.close();
    await this.#inventory.close();
    if (how === 'left') {
      for (const uuid of this.#reservations.uuids) {
        if (!this.#machine.has(uuid)) this.#do(this.#reservations.release(uuid));
      }
      this.#journal.tell({ action: 'left' });
    } else {
      this.#journal.tell({ action: 'cleared' });
    }
    await this.#journal.close(PATIENCE);
    await this.#lease.close(how === 'left');
    this.#reservations.close();
    this.#unfollow();
    if (how === 'left') await leave(this.#store, this.#lease.record).catch(() => {});
    await Promise.allSettled(this.#background);
    await sweep(this.#store, this.host.name).catch(() => 0);
  }

  #regained(): void {
    this.#journal.tell({ action: 'back' });
    for (const uuid of this.#reservations.uuids) this.#journal.tell({ action: 'back', uuid });
    this.#inventory.changed();
  }

  #heard({ action, uuid, subsystem, devpath }: MachineEvent): void {
    // A parent that comes or goes.
    if (uuid === undefined) return this.#inventory.changed();
    if (subsystem !== MDEV) return;
    this.#journal.tell({ action, uuid, subsystem, devpath });
    if (action === 'add') this.#service.appeared(uuid);
    if (action === 'add' && !this.#reservations.has(uuid) && !this.#service.knows(uuid)) {
      const device = this.#machine.devices().find((each) => each.uuid === uuid);
      if (device !== undefined) this.#do(this.#adopt(uuid, device.parent, device.type));
    }
    if (action === 'remove' && this.#reservations.has(uuid) && !this.#machine.has(uuid)) {
      this.#forgetLater(uuid);
    }
    if (action !== 'unbind') this.#inventory.changed();
  }

  /** The device of a UUID has gone, unless a create has just begun to make it anew. */
  #forgetLater(uuid: string): void {
    if (this.#service.busy(uuid)) return;
    this.#service.forget(uuid);
    this.#do(this.#reservations.release(uuid));
  }

  /** A device that was not made through the fleet: its UUID is reserved now, or it has to go. */
  async #adopt(uuid: string, parent: string, type: string): Promise<void> {
    try {
      await this.#reservations.reserve(uuid, { parent, type, request: 'adopted' });
      if (!this.#machine.has(uuid)) await this.#reservations.release(uuid);
    } catch (error) {
      if (!isMediatedError(error, 'EEXIST') || this.#reservations.has(uuid) || this.#service.knows(uuid)) return;
      this.#journal.tell({ action: 'refused', uuid, parent });
      await this.#machine.remove(uuid).catch(() => {});
    }
  }

  async #watchRecord(): Promise<void> {
    const watch = await this.#store.buckets.hosts.watch({ key: hostKey(this.host.name) });
    this.#watch = watch;
    if (this.#closing.signal.aborted) return watch.stop();
    for await (const { revision } of watch) {
      if (revision > this.#lease.record.revision) await this.#lease.recheck();
    }
  }

  /** After an outage, looks for what the server has written without this host having heard of it. */
  async #auditWhenInDoubt(): Promise<void> {
    const { signal } = this.#closing;
    const { lease } = this.#store.record;
    while (!signal.aborted) {
      await pause(lease, undefined, { signal, ref: false }).catch(() => {});
      if (this.#reservations.doubt && !signal.aborted) await this.#reservations.audit().catch(() => {});
    }
  }

  #do(work: Promise<unknown>): void {
    const done = work.catch((error: unknown) => {
      if (!this.#ended && !this.#store.connection.isClosed()) process.emitWarning(error as Error);
    });
    this.#background.add(done);
    void done.finally(() => this.#background.delete(done));
  }
}
