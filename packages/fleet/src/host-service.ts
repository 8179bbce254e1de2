/**
 * What a host does for clients of the fleet, as a NATS service. A command is done only while the host holds its lease: one that
 * lay in a buffer while the host was stopped or cut off is refused, because the answer to the renewal comes after it on the same
 * connection. Main thread of a host.
 */
import { MediatedError } from '@mediated/core';
import { type Service, type ServiceMsg, Svcm } from '@nats-io/services';
import type { Lease } from './lease.js';
import type { Machine } from './machine.js';
import type { Verb } from './names.js';
import { OpenFiles } from './open-files.js';
import type { HostRecord } from './records.js';
import {
  attributeRequest,
  type CreateRequest,
  createRequest,
  encodeAnswer,
  encodeError,
  fileRequest,
  listRequest,
  openRequest,
  ownsRequest,
  removeRequest,
} from './requests.js';
import type { Reservations } from './reservations.js';
import { type Check, decode } from './shape.js';
import type { Store } from './store.js';

/** Commands that are being done at a time; more are refused. */
const MOST_COMMANDS = 4096;
/** The name of requests of the machine itself. */
const LOCAL = 'local';
/** Devices in one answer to `list`. */
const MOST_LISTED = 2000;

export interface ServiceParts {
  readonly store: Store;
  readonly host: HostRecord;
  readonly machine: Machine;
  readonly lease: Lease;
  readonly reservations: Reservations;
}

export class HostService {
  readonly #parts: ServiceParts;
  readonly #files: OpenFiles;
  /** Creates by UUID: those under way, and the name of the request that has made what is there. */
  readonly #creates = new Map<string, { readonly request: string; readonly done: Promise<void>; through: boolean }>();
  #service: Service | undefined;
  #running = 0;
  #closed = false;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#files = new OpenFiles(parts.machine, 2 * parts.store.record.lease);
  }

  async begin(): Promise<void> {
    const { store, host } = this.#parts;
    const { fleet } = store.names;
    const metadata = { fleet, host: host.name, epoch: host.epoch };
    const service = await new Svcm(store.connection as never).add({
      name: 'mediated-fleet',
      version: '1.0.0',
      metadata,
    });
    this.#service = service;
    const serve = <T>(verb: Verb, check: Check<T>, run: (request: T) => Promise<object>) => {
      const subject = store.names.command(host.name, host.epoch, verb);
      service.addEndpoint(verb, {
        subject,
        handler: (error, message) => {
          if (error === null) void this.#answer(message, check, run);
        },
      });
    };
    serve('create', createRequest, (request) => this.#create(request));
    serve('remove', removeRequest, ({ uuid }) => this.#remove(uuid));
    serve('owns', ownsRequest, async ({ uuid, revision }) => {
      return { owns: (await this.#parts.reservations.owns(uuid, revision)) ? 'yes' : 'no' };
    });
    serve('list', listRequest, async ({ after = '' }) => this.#list(after));
    serve('attribute', attributeRequest, ({ uuid, path, text }) => this.#attribute(uuid, path, text));
    serve('open', openRequest, async ({ uuid }) => ({ file: await this.#files.open(uuid) }));
    serve('file', fileRequest, (request) => this.#files.call(request));
    await store.connection.flush();
  }

  /** Refuses what comes from now on. */
  refuse(): void {
    this.#closed = true;
  }

  /** Refuses what comes from now on, and closes what clients have open. */
  async close(): Promise<void> {
    this.#closed = true;
    // Draining waits for the server, and for ever when the connection is closed meanwhile.
    await Promise.race([this.#service?.stop().catch(() => {}), this.#parts.store.connection.closed()]);
    await this.#files.closeAll();
  }

  /**
   * Creates a device after its UUID was reserved in the whole fleet. The errno of one machine; ESTALE: this host does not hold
   * its lease. A create that fails gives the UUID back.
   */
  async create(parent: string, type: string, uuid: string, request: string): Promise<void> {
    const running = this.#creates.get(uuid);
    // Asked again because the answer stayed out.
    if (running?.request === request) return running.done;
    const done = this.#reserveAndCreate(parent, type, uuid, request);
    // The one before it may have been forgotten right now, with the device that it has made.
    if (!this.#creates.has(uuid)) {
      const create = { request, done, through: false };
      this.#creates.set(uuid, create);
      done.then(
        () => {
          create.through = true;
        },
        () => {
          if (this.#creates.get(uuid) === create) this.#creates.delete(uuid);
        },
      );
    }
    return done;
  }

  /** Reserves a UUID for a create on the machine itself. */
  async reserve(parent: string, type: string, uuid: string): Promise<void> {
    await this.#reserve(parent, type, uuid, LOCAL);
    try {
      this.#checkLease('create');
    } catch (error) {
      await this.#parts.reservations.release(uuid);
      throw error;
    }
    this.#creates.set(uuid, { request: LOCAL, done: Promise.resolve(), through: false });
  }

  /** The create on the machine itself, for which a UUID was reserved, has failed. */
  async release(uuid: string): Promise<void> {
    this.#creates.delete(uuid);
    await this.#parts.reservations.release(uuid);
  }

  /** A device has appeared: if its create is one on the machine itself, it is through. */
  appeared(uuid: string): void {
    const create = this.#creates.get(uuid);
    if (create?.request === LOCAL) create.through = true;
  }

  /** Whether a create of a UUID is under way. */
  busy(uuid: string): boolean {
    return this.#creates.get(uuid)?.through === false;
  }

  /** A device has gone. */
  forget(uuid: string): void {
    this.#creates.delete(uuid);
  }

  /** Whether a create of a UUID is under way or has made what is there. */
  knows(uuid: string): boolean {
    return this.#creates.has(uuid);
  }

  async #reserveAndCreate(parent: string, type: string, uuid: string, request: string): Promise<void> {
    const { machine, reservations } = this.#parts;
    await this.#reserve(parent, type, uuid, request);
    try {
      this.#checkLease('create');
      await machine.create(parent, type, uuid);
    } catch (error) {
      await reservations.release(uuid);
      throw error;
    }
    if (this.#parts.lease.held) return;
    // Nobody may count on it: the UUID may be somebody else's by now.
    await machine.remove(uuid).catch(() => {});
    await reservations.release(uuid);
    this.#checkLease('create');
  }

  async #reserve(parent: string, type: string, uuid: string, request: string): Promise<void> {
    const { machine, reservations } = this.#parts;
    this.#checkLease('create');
    machine.catchUp?.();
    // The device has gone, and its event is still to come: whoever has heard of the removal may create again at once.
    if (reservations.has(uuid) && !this.busy(uuid) && !machine.has(uuid)) {
      this.forget(uuid);
      await reservations.release(uuid);
    }
    await reservations.reserve(uuid, { parent, type, request });
  }

  async #create({ parent, type, uuid, request }: CreateRequest): Promise<object> {
    await this.create(parent, type, uuid, request);
    return {};
  }

  /** Removes a device; its UUID is free in the whole fleet when this resolves. */
  async #remove(uuid: string): Promise<object> {
    const { machine, reservations } = this.#parts;
    this.#checkLease('remove');
    try {
      await machine.remove(uuid);
    } finally {
      // Also when it has gone already: whoever asks again, because an answer stayed out, finds the UUID free.
      if (!machine.has(uuid) && !this.busy(uuid)) {
        this.forget(uuid);
        await reservations.release(uuid);
      }
    }
    return {};
  }

  #list(after: string): object {
    const sorted = this.#parts.machine.devices().sort((a, b) => (a.uuid < b.uuid ? -1 : Number(a.uuid > b.uuid)));
    const start = sorted.findIndex(({ uuid }) => uuid > after);
    const from = start < 0 ? [] : sorted.slice(start);
    return { devices: from.slice(0, MOST_LISTED), more: from.length > MOST_LISTED ? 'yes' : 'no' };
  }

  async #attribute(uuid: string, path: string | undefined, text: string | undefined): Promise<object> {
    const { machine } = this.#parts;
    if (path === undefined) return { files: await machine.attributes(uuid) };
    if (text === undefined) return { text: await machine.readAttribute(uuid, path) };
    this.#checkLease('write');
    // A device is removed by what gives its UUID back too.
    if (path === 'remove' && Number(text) !== 0) return this.#remove(uuid);
    await machine.writeAttribute(uuid, path, text);
    return {};
  }

  async #answer<T>(message: ServiceMsg, check: Check<T>, run: (request: T) => Promise<object>): Promise<void> {
    let answer: string;
    this.#running++;
    try {
      if (this.#closed) throw new MediatedError('ESTALE', 'this host leaves the fleet');
      if (this.#running > MOST_COMMANDS) throw new MediatedError('EAGAIN', `${MOST_COMMANDS} commands are being done`);
      answer = encodeAnswer(await run(decode(message.data, check, 'a command')));
    } catch (error) {
      answer = encodeError(error);
    } finally {
      this.#running--;
    }
    if (!this.#parts.store.connection.isClosed()) message.respond(answer);
  }

  #checkLease(syscall: string): void {
    if (this.#parts.lease.held && !this.#closed) return;
    const text = 'this host was cut off from the fleet and has not got its lease back yet';
    throw new MediatedError('ESTALE', `${syscall}: ${text}`, { syscall });
  }
}
