/** A fleet as its clients see it: many hosts that behave as one. Any thread with an event loop; a connection of its own. */
import { randomUUID } from 'node:crypto';
import { isMediatedError, MediatedError } from '@mediated/core';
import { Asking, eioOf, type Instance, Unanswered } from './asking.js';
import { type ConnectionOptions, connectTo, refusalOf } from './connection.js';
import { type EventsOptions, type FleetEvent, readEvents } from './event-reader.js';
import { fence, isOwner } from './membership.js';
import { checkUuid, Names } from './names.js';
import { Place } from './place.js';
import type { Policy, Wanted } from './placement.js';
import { type Outcome, Placing } from './placing.js';
import { type ReservationRecord, reservationRecord } from './records.js';
import { RemoteDevice } from './remote-device.js';
import { attributeAnswer, doneAnswer, openAnswer } from './requests.js';
import type { Check } from './shape.js';
import { type Kept, Store } from './store.js';
import { type HostState, type HostView, View } from './view.js';

export interface FleetOptions extends ConnectionOptions {
  /** Name of the fleet; default `mediated`. */
  readonly fleet?: string | undefined;
}

/** What is to be created. */
export interface CreateOptions extends Wanted {
  /** Default 1. */
  readonly count?: number | undefined;
  /** Their UUIDs; as many as there are, are used first. Default: random ones. */
  readonly uuids?: readonly string[] | undefined;
  /** Default `spread`. */
  readonly policy?: Policy | undefined;
  /** On the host of this name or of the device of this UUID, or else where the fewest labels differ. */
  readonly near?: string | undefined;
  /** Milliseconds for each device; default 30,000. */
  readonly deadline?: number | undefined;
  /** Nothing is begun any more; what is under way is finished. */
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((done: number, all: number) => void) | undefined;
}

/** A device of the fleet. */
export interface FleetDevice {
  readonly uuid: string;
  readonly host: string;
  /** The running life of the host that it belongs to. */
  readonly epoch: string;
  readonly parent: string;
  readonly type: string;
  /** `lost`: its host is. */
  readonly state: 'live' | 'lost';
}

/** Most devices of one placement. */
const MOST_DEVICES = 100_000;
/** Milliseconds for what is asked of one device. */
const PATIENCE = 30_000;

export class Fleet {
  readonly #store: Store;
  readonly #view: View;
  readonly #asking: Asking;

  private constructor(store: Store, view: View) {
    this.#store = store;
    this.#view = view;
    this.#asking = new Asking(store, view);
  }

  /**
   * Connects to a fleet. Errors: ECONNREFUSED (no server there), EACCES (wrong credentials), EOPNOTSUPP (no JetStream), EPROTO (no
   * NATS server, or the fleet is of another version), ENODEV (no host has ever joined a fleet of that name), EINVAL.
   */
  static async connect(options: FleetOptions): Promise<Fleet> {
    const names = new Names(options.fleet ?? 'mediated');
    const connection = await connectTo({ name: 'mediated client', ...options });
    try {
      const store = await Store.open(connection, names);
      return new Fleet(store, await View.open(store, { offers: true }));
    } catch (error) {
      await connection.close();
      throw refusalOf(error, 'connect', names.fleet);
    }
  }

  get name(): string {
    return this.#store.names.fleet;
  }

  /** Milliseconds of a lease. */
  get lease(): number {
    return this.#store.record.lease;
  }

  /** Every host, as it was seen last. Kept up to date; asks nobody. */
  hosts(): HostView[] {
    return this.#view.hosts();
  }

  host(name: string): HostView | undefined {
    return this.#view.host(name);
  }

  /** Calls `listener` when a host's state changes; answers how to stop it. */
  onHostState(listener: (host: HostView, before: HostState | undefined) => void): () => void {
    this.#view.on('state', listener);
    return () => this.#view.off('state', listener);
  }

  /** Every device, as its UUID is reserved; those of hosts that have left or were fenced are none. Sorted by UUID. */
  async devices({ host }: { readonly host?: string | undefined } = {}): Promise<FleetDevice[]> {
    const devices: FleetDevice[] = [];
    for await (const { key: uuid, value } of this.#store.all('devices', reservationRecord)) {
      if (host !== undefined && host !== value.host) continue;
      const state = this.#view.stateOf(value.host, value.epoch);
      if (state === 'left' || state === 'fenced') continue;
      const { parent, type, epoch } = value;
      devices.push({ uuid, host: value.host, epoch, parent, type, state: state === 'lost' ? 'lost' : 'live' });
    }
    return devices.sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
  }

  /**
   * Creates devices where there is room for them. Never rejects for a device that cannot be created: the outcome tells of each.
   * Rejects with EINVAL (a UUID, the count), ENODEV (nothing of the name `near`), EIO (no answer of the server).
   */
  async create(options: CreateOptions): Promise<Outcome> {
    const { count = Math.max(1, options.uuids?.length ?? 0), policy = 'spread', deadline = PATIENCE } = options;
    if (!Number.isInteger(count) || count < 1 || count > MOST_DEVICES) {
      throw new MediatedError('EINVAL', `${count} devices; 1 to ${MOST_DEVICES} are created at a time`);
    }
    const given = (options.uuids ?? []).slice(0, count).map((uuid) => checkUuid(uuid, 'create'));
    if (new Set(given).size < given.length) {
      throw new MediatedError('EEXIST', 'a UUID is there twice in one placement', { syscall: 'create' });
    }
    const uuids = [...given, ...Array.from({ length: count - given.length }, () => randomUUID())];
    const near = options.near === undefined ? undefined : await this.#near(options.near);
    const { type, deviceApi, attributes, host, parent, signal, progress } = options;
    const wanted = { type, deviceApi, attributes, host, parent };
    const plan = { ...wanted, uuids, policy, near, deadline, signal, progress };
    return new Placing(this.#store, this.#view, this.#asking, plan).run();
  }

  /**
   * Removes a device, wherever it is; its UUID is free when this resolves. Errors of a removal on one machine; ENODEV: no such
   * device. EIO: its host is lost, or did not answer and the device is still there.
   */
  async remove(uuid: string): Promise<void> {
    const lower = checkUuid(uuid, 'remove');
    const owner = await this.#ownerOf(lower, 'remove');
    const instance = { name: owner.value.host, epoch: owner.value.epoch };
    const deadline = performance.now() + PATIENCE;
    let asked = false;
    for (;;) {
      const left = Math.max(100, Math.min(2 * this.lease, deadline - performance.now()));
      try {
        await this.#asking.ask(instance, 'remove', { uuid: lower }, doneAnswer, left);
        return;
      } catch (error) {
        const open = error instanceof Unanswered && !error.lost;
        // The answer to an earlier request may not have come: what counts is whether this very device is still there.
        if (open || asked) {
          const found = await this.#store.read('devices', lower, reservationRecord).catch(() => owner);
          if (found?.revision !== owner.revision) return;
        }
        asked = true;
        if (!open || performance.now() >= deadline) throw eioOf(error, 'remove', lower);
      }
    }
  }

  /** Which files a device has. */
  async attributes(uuid: string): Promise<readonly { readonly path: string; readonly mode: number }[]> {
    return (await this.#onDevice(uuid, 'attribute', 'open', {}, attributeAnswer)).files ?? [];
  }

  /** The text of a file of a device: `mtty/port`. Errors as on one machine; EIO as {@link remove}. */
  async readAttribute(uuid: string, path: string): Promise<string> {
    return (await this.#onDevice(uuid, 'attribute', 'read', { path }, attributeAnswer)).text ?? '';
  }

  async writeAttribute(uuid: string, path: string, text: string): Promise<void> {
    await this.#onDevice(uuid, 'attribute', 'write', { path, text }, attributeAnswer);
  }

  /** Opens a device where it is. Errors as of `openDevice`; EIO as {@link remove}. */
  async open(uuid: string): Promise<RemoteDevice> {
    const lower = checkUuid(uuid, 'open');
    const { host, epoch } = (await this.#ownerOf(lower, 'open')).value;
    const instance: Instance = { name: host, epoch };
    const request = { uuid: lower, client: randomUUID() };
    const opened = await this.#asking.ask(instance, 'open', request, openAnswer, PATIENCE).catch((error: unknown) => {
      throw eioOf(error, 'open', lower);
    });
    return new RemoteDevice(this.#asking, instance, lower, opened.file, 2 * this.lease, PATIENCE);
  }

  /**
   * Gives a lost host up: frees its UUIDs, and answers how many. A host that is alive cannot be fenced (EBUSY). If the host
   * still runs somewhere, cut off, it removes its devices when it is back; until then they may still be there.
   */
  async fence(host: string): Promise<number> {
    return fence(this.#store, host).catch((error: unknown) => {
      throw refusalOf(error, 'fence', host);
    });
  }

  /** Events of hosts and devices, each once and in order; see {@link EventsOptions}. */
  events(options: EventsOptions = {}): AsyncGenerator<FleetEvent> {
    return readEvents(this.#store, options);
  }

  /** The server forgets a durable reader. */
  async forgetReader(name: string): Promise<void> {
    await Place.forget(this.#store, name);
  }

  async close(): Promise<void> {
    this.#view.close();
    await this.#store.connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #onDevice<T>(uuid: string, verb: 'attribute', syscall: string, request: object, check: Check<T>): Promise<T> {
    const lower = checkUuid(uuid, syscall);
    const { host, epoch } = (await this.#ownerOf(lower, syscall)).value;
    const whole = { uuid: lower, ...request };
    return this.#asking.ask({ name: host, epoch }, verb, whole, check, PATIENCE).catch((error: unknown) => {
      throw eioOf(error, syscall, lower);
    });
  }

  async #ownerOf(uuid: string, syscall: string): Promise<Kept<ReservationRecord>> {
    const found = await this.#store.read('devices', uuid, reservationRecord);
    const owned = found !== undefined && (await this.#isOwned(found.value));
    if (!owned) {
      throw new MediatedError('ENODEV', `${syscall} ${uuid}: the fleet has no such device`, { syscall });
    }
    return found;
  }

  /** What this client has not seen yet is asked of the server. */
  async #isOwned({ host, epoch }: ReservationRecord): Promise<boolean> {
    const seen = this.#view.host(host);
    const present = seen?.epoch === epoch && (seen.state === 'live' || seen.state === 'lost');
    return present || (await isOwner(this.#store, host, epoch));
  }

  async #near(what: string): Promise<HostView> {
    const host = this.#view.host(what) ?? this.#view.host((await this.#hostOf(what)) ?? '');
    if (host !== undefined) return host;
    throw new MediatedError('ENODEV', `near ${what}: the fleet has no such host or device`, { syscall: 'create' });
  }

  async #hostOf(uuid: string): Promise<string | undefined> {
    try {
      return (await this.#ownerOf(checkUuid(uuid, 'create'), 'create')).value.host;
    } catch (error) {
      if (isMediatedError(error, 'EINVAL') || isMediatedError(error, 'ENODEV')) return undefined;
      throw error;
    }
  }
}
