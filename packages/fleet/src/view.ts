/**
 * What one program sees of a fleet: who belongs to it, who is alive, what each host offers. A host is alive while its lease is on
 * the server and the host goes by it. When this program has seen no renewal for a lease, by its own monotonic clock, it asks the server, which alone
 * decides; so neither a slow watch nor anybody's clock makes a host lost. One thread's.
 */
import { EventEmitter } from 'node:events';
import { type Following, follow } from './bucket-scan.js';
import {
  type HostRecord,
  hostRecord,
  inventoryRecord,
  type InventoryRecord,
  type LeaseRecord,
  leaseRecord,
} from './records.js';
import { type Check, decode } from './shape.js';
import type { BucketName, Store } from './store.js';

/**
 * `joining`: its first lease or inventory is still to come. `live`: alive. `lost`: its lease has expired; its devices are held. `left`, `fenced`:
 * it owns nothing any more.
 */
export type HostState = 'joining' | 'live' | 'lost' | 'left' | 'fenced';

/** A host as it was seen last. */
export interface HostView {
  readonly name: string;
  readonly epoch: string;
  readonly term: number;
  readonly state: HostState;
  readonly labels: Readonly<Record<string, string>>;
  /** What it offers, as it has published last; nothing of an earlier epoch. */
  readonly inventory: InventoryRecord | undefined;
}

type ViewEvents = {
  /** A host's state is another than before; `before` undefined: it was not there. */
  state: [host: HostView, before: HostState | undefined];
};

interface Seen {
  record: HostRecord | undefined;
  /** The epoch that has taken the lease last, and the one that was seen to hold it last. */
  takenBy: string;
  leaseEpoch: string;
  leaseRevision: number;
  /** When its lease was seen to be renewed, or its record to come, by `performance.now()`. */
  seenAt: number;
  alive: boolean;
  /** The epoch of which it is known that it has no lease. */
  judged: string;
  inventory: InventoryRecord | undefined;
  state: HostState | undefined;
}

/** Parts of a lease after which the server is asked again whether an entry is still there. */
const LOOKS = 16;
/** Hosts about which the server is asked at a time. */
const MOST_LOOKS = 64;

export class View extends EventEmitter<ViewEvents> {
  readonly #store: Store;
  readonly #offers: boolean;
  readonly #hosts = new Map<string, Seen>();
  readonly #last: Record<BucketName, number> = { hosts: 0, leases: 0, inventories: 0, devices: 0 };
  #watches: Following[] = [];
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #closed = false;
  /** Before the first look is complete nobody is told. */
  #complete = false;

  private constructor(store: Store, offers: boolean) {
    super();
    this.#store = store;
    this.#offers = offers;
  }

  /**
   * Looks once at everything, and follows all that changes from then on. Without `offers` it does not see what hosts offer, and
   * takes one whose lease is there for alive.
   */
  static async open(store: Store, { offers }: { readonly offers: boolean }): Promise<View> {
    const view = new View(store, offers);
    await view.#lookAtAll();
    await view.#watch();
    void view.#watchConnection();
    view.#schedule();
    return view;
  }

  /** Every host that there is, by name. */
  hosts(): HostView[] {
    const names = [...this.#hosts.keys()].sort();
    return names.map((name) => this.host(name)).filter((host) => host !== undefined);
  }

  host(name: string): HostView | undefined {
    const seen = this.#hosts.get(name);
    if (seen?.record === undefined) return undefined;
    const { epoch, term, labels } = seen.record;
    const inventory = seen.inventory?.epoch === epoch ? seen.inventory : undefined;
    return { name, epoch, term, labels, inventory, state: stateOf(seen, this.#offers) };
  }

  /** The state of an epoch of a host; `left` when the name has another epoch by now, or none. */
  stateOf(name: string, epoch: string): HostState {
    const host = this.host(name);
    return host?.epoch === epoch ? host.state : 'left';
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watch of this.#watches) watch.stop();
    this.removeAllListeners();
  }

  async #lookAtAll(): Promise<void> {
    const take = async <T>(
      bucket: BucketName,
      check: Check<T>,
      apply: (key: string, value: T, revision: number) => void,
    ) => {
      for await (const { key, value, revision } of this.#store.all(bucket, check)) {
        this.#last[bucket] = Math.max(this.#last[bucket], revision);
        apply(key, value, revision);
      }
    };
    await Promise.all([
      take('hosts', hostRecord, (_key, value) => this.#applyRecord(value)),
      take('leases', leaseRecord, (key, value, revision) => this.#applyLease(key, value, revision)),
      ...(this.#offers ? [take('inventories', inventoryRecord, (key, value) => this.#applyInventory(key, value))] : []),
    ]);
    this.#complete = true;
    for (const [name, seen] of this.#hosts) {
      const { record, alive, takenBy } = seen;
      // One that is about to have its first lease is not lost.
      const joining = record?.term === 0 || takenBy === record?.epoch;
      if (!alive && !joining) seen.judged = record?.epoch ?? '';
      this.#settle(name, seen);
    }
  }

  async #watch(): Promise<void> {
    for (const watch of this.#watches.splice(0)) watch.stop();
    await Promise.all([
      this.#follow('hosts', hostRecord, (_key, value) => this.#applyRecord(value)),
      this.#follow('leases', leaseRecord, (key, value, revision) => this.#applyLease(key, value, revision)),
      ...(this.#offers
        ? [this.#follow('inventories', inventoryRecord, (key, value) => this.#applyInventory(key, value))]
        : []),
    ]);
  }

  async #follow<T>(
    bucket: BucketName,
    check: Check<T>,
    apply: (key: string, value: T, revision: number) => void,
  ): Promise<void> {
    const { jetstream, names } = this.#store;
    const prefix = `$KV.${names[bucket]}.`;
    const watch = await follow(jetstream, names[bucket], this.#last[bucket] + 1);
    if (this.#closed) return watch.stop();
    this.#watches.push(watch);
    void (async () => {
      try {
        for await (const message of watch.messages) {
          this.#last[bucket] = Math.max(this.#last[bucket], message.seq);
          const key = message.subject.slice(prefix.length);
          let value: T;
          try {
            value = decode(message.data, check, key);
          } catch {
            continue;
          }
          apply(key, value, message.seq);
        }
      } catch {
        // The stream was away for too long: begun anew below.
      }
      if (!this.#closed && this.#watches.includes(watch)) await this.#watchAnew();
    })();
  }

  /** Begins all watches again, as often as it takes. */
  async #watchAnew(): Promise<void> {
    while (!this.#closed) {
      try {
        return await this.#watch();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, this.#store.record.lease / LOOKS));
      }
    }
  }

  /** After a connection was away, watches are begun anew: the library would notice only by missing heartbeats. */
  async #watchConnection(): Promise<void> {
    for await (const { type } of this.#store.connection.status()) {
      if (this.#closed) return;
      if (type === 'reconnect') await this.#watchAnew();
    }
  }

  #applyRecord(record: HostRecord): void {
    const seen = this.#at(record.name);
    if (seen.record?.epoch !== record.epoch) seen.seenAt = performance.now();
    // A term that goes back is an entry that was read before a newer one came by the watch.
    if (seen.record?.epoch === record.epoch && seen.record.term > record.term) return;
    seen.record = record;
    this.#settle(record.name, seen);
  }

  #applyLease(key: string, { epoch, state }: LeaseRecord, revision: number): void {
    if (key.includes('.')) return;
    const seen = this.#at(key);
    if (revision <= seen.leaseRevision) return;
    seen.leaseRevision = revision;
    seen.takenBy = epoch;
    seen.seenAt = performance.now();
    // The first renewal follows at once.
    if (state === 'taken') return;
    seen.leaseEpoch = epoch;
    seen.alive = true;
    this.#settle(key, seen);
  }

  #applyInventory(key: string, inventory: InventoryRecord): void {
    const seen = this.#at(key);
    seen.inventory = inventory;
    this.#settle(key, seen);
  }

  #at(name: string): Seen {
    let seen = this.#hosts.get(name);
    if (seen === undefined) {
      const nothing = { record: undefined, inventory: undefined, state: undefined };
      const lease = { takenBy: '', leaseEpoch: '', leaseRevision: 0 };
      seen = { ...nothing, ...lease, seenAt: performance.now(), alive: false, judged: '' };
      this.#hosts.set(name, seen);
    }
    return seen;
  }

  /** Tells a state that has changed. */
  #settle(name: string, seen: Seen): void {
    if (!this.#complete || seen.record === undefined) return;
    const state = stateOf(seen, this.#offers);
    const before = seen.state;
    if (state === before) return;
    seen.state = state;
    const host = this.host(name);
    if (host !== undefined) this.emit('state', host, before);
  }

  #schedule(): void {
    if (this.#closed) return;
    const { lease } = this.#store.record;
    let first = performance.now() + lease;
    for (const { state, seenAt } of this.#hosts.values()) {
      if (state === 'live' || state === 'joining') first = Math.min(first, seenAt + lease);
    }
    const wait = Math.max(lease / LOOKS, first - performance.now());
    this.#timer = setTimeout(() => {
      void this.#look().finally(() => this.#schedule());
    }, wait);
  }

  /** Asks the server about those that were not renewed for a lease. */
  async #look(): Promise<void> {
    if (this.#looking || this.#closed) return;
    this.#looking = true;
    const due = [...this.#hosts].filter(([, { state, seenAt }]) => {
      return (state === 'live' || state === 'joining') && performance.now() - seenAt >= this.#store.record.lease;
    });
    try {
      for (let at = 0; at < due.length && !this.#closed; at += MOST_LOOKS) {
        await Promise.all(due.slice(at, at + MOST_LOOKS).map(([name, seen]) => this.#lookAt(name, seen)));
      }
    } finally {
      this.#looking = false;
    }
  }

  async #lookAt(name: string, seen: Seen): Promise<void> {
    const known = seen.leaseRevision;
    const found = await this.#store.read('leases', name, leaseRecord).catch(() => 'no answer' as const);
    if (found === 'no answer' || seen.leaseRevision !== known) return;
    if (found === undefined) {
      seen.alive = false;
      seen.judged = seen.record?.epoch ?? '';
      this.#settle(name, seen);
    } else if (found.revision > known) {
      this.#applyLease(name, found.value, found.revision);
    }
  }
}

/** `offers`: only who has published what it offers is alive. */
function stateOf({ record, alive, leaseEpoch, judged, inventory }: Seen, offers: boolean): HostState {
  if (record === undefined) return 'left';
  if (record.state !== 'up') return record.state;
  if (alive && leaseEpoch === record.epoch) return !offers || inventory?.epoch === record.epoch ? 'live' : 'joining';
  return judged === record.epoch || leaseEpoch === record.epoch ? 'lost' : 'joining';
}
