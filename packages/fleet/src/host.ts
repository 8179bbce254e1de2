/**
 * A machine as a host of a fleet. Joins under its name, serves until it is closed, and when it was fenced removes what it no longer
 * owns and joins anew, with a new epoch and nothing. Main thread.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { MediatedError, type Runtime } from '@mediated/core';
import type { NatsConnection } from '@nats-io/transport-node';
import { BusMachine } from './bus-machine.js';
import { checkAccount } from './account.js';
import { type ConnectionOptions, connectTo } from './connection.js';
import type { Machine } from './machine.js';
import { join } from './membership.js';
import { checkName, checkUuid, Names, ownName } from './names.js';
import type { HostRecord } from './records.js';
import { Session } from './session.js';
import { Store } from './store.js';

export interface HostOptions extends ConnectionOptions {
  /** Name of the fleet; default `mediated`. Several fleets may share servers. */
  readonly fleet?: string | undefined;
  /** Name of this host; default: the machine's. One host of a name at a time. */
  readonly host?: string | undefined;
  /** What placement may ask for and `near` compares: `{ zone: 'a' }`. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** The account of the NATS server under which commands are accepted; default: whichever the credentials belong to. */
  readonly account?: string | undefined;
  /** Milliseconds without a renewal after which a host is lost; default 3000. The first host of a fleet decides. */
  readonly lease?: number | undefined;
  /** Servers that keep each record; default 1. The first host of a fleet decides. */
  readonly replicas?: number | undefined;
  /** Gives up joining. */
  readonly signal?: AbortSignal | undefined;
}

type HostEvents = {
  /** It was cut off for longer than a lease, and holds it again. */
  back: [];
  /** The host was fenced; it removes all its devices. */
  fenced: [];
  /** It is in the fleet again, with a new epoch and no device. */
  rejoined: [epoch: string];
  /** It is out of the fleet for good: another host has its name, or joining anew failed. */
  out: [error: MediatedError];
};

const DEFAULT_LEASE = 3000;
/** Milliseconds that leaving may take. */
const LEAVING = 5000;

export class FleetHost extends EventEmitter<HostEvents> {
  readonly name: string;
  readonly #connection: NatsConnection;
  readonly #store: Store;
  readonly #machine: Machine;
  readonly #labels: Readonly<Record<string, string>>;
  #session: Session | undefined;
  #closing: Promise<void> | undefined;
  #rejoining: Promise<void> = Promise.resolve();

  private constructor(connection: NatsConnection, store: Store, machine: Machine, options: HostOptions, name: string) {
    super();
    this.#connection = connection;
    this.#store = store;
    this.#machine = machine;
    this.#labels = options.labels ?? {};
    this.name = name;
  }

  /**
   * Joins a fleet, and makes it when it is the first host. Errors: as `Fleet.connect`, and EADDRINUSE (a living host has the
   * name), EINVAL (a name, or a lease or replicas other than the fleet's). A failed join leaves nothing behind.
   */
  static async join(runtime: Runtime | Machine, options: HostOptions): Promise<FleetHost> {
    const names = new Names(options.fleet ?? 'mediated');
    const name = checkName(options.host ?? ownName(), 'a host');
    const machine = machineOf(runtime);
    const connection = await connectTo({ name: `mediated host ${name}`, ...options });
    try {
      await checkAccount(connection, options.account);
      const { lease = DEFAULT_LEASE, replicas = 1 } = options;
      const store = await Store.make(connection, names, { lease, replicas });
      checkParameters(store, options);
      const host = new FleetHost(connection, store, machine, options, name);
      await host.#enter(options.signal);
      return host;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Random name of its running life; a new one after it was fenced. Empty while it is out. */
  get epoch(): string {
    return this.#session?.host.epoch ?? '';
  }

  get fleet(): string {
    return this.#store.names.fleet;
  }

  /** Milliseconds of the fleet's lease. */
  get lease(): number {
    return this.#store.record.lease;
  }

  /** Whether it holds its lease, and so does what clients ask. */
  get held(): boolean {
    return this.#session?.held ?? false;
  }

  /** UUIDs that it has reserved. */
  get reserved(): string[] {
    return this.#session?.reserved ?? [];
  }

  /**
   * Creates a device on this machine after reserving its UUID in the whole fleet. Errors as of a create on one machine; ESTALE:
   * the host does not hold its lease. EIO: the server did not answer.
   */
  async create(parent: string, type: string, uuid: string = randomUUID()): Promise<string> {
    const lower = checkUuid(uuid, 'create');
    if (this.#session === undefined) throw new MediatedError('ESTALE', `${this.name} is not in the fleet`);
    await this.#session.create(parent, type, lower, randomUUID());
    return lower;
  }

  /** Accepts no commands any more. What clients have open is closed with {@link close}. */
  refuse(): void {
    this.#session?.refuse();
  }

  /** Resolves when everything that has happened so far is published and told. */
  async settled(): Promise<void> {
    await this.#session?.settled();
  }

  /** Leaves the fleet. Devices that are left on the machine are nobody's afterwards. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // A server that is away keeps nobody from leaving: the lease expires, and the name is free after it.
    const timer = setTimeout(() => void this.#connection.close(), LEAVING);
    await this.#rejoining;
    await this.#session?.end('left');
    this.#session = undefined;
    clearTimeout(timer);
    await this.#connection.close();
  }

  async #enter(signal?: AbortSignal): Promise<void> {
    const record = await join(this.#store, this.name, this.#labels, signal);
    const session = new Session(this.#store, this.#machine, record, {
      regained: () => this.emit('back'),
      fenced: (found) => {
        this.#rejoining = this.#fenced(session, found);
      },
    });
    const begun = await session.begin().catch(async (error: unknown) => {
      await session.end('left');
      throw error;
    });
    if (begun) {
      this.#session = session;
      return;
    }
    await session.end('left');
    throw new MediatedError('EIO', `${this.name} has joined and got no lease`, { syscall: 'join' });
  }

  async #fenced(session: Session, found: HostRecord | undefined): Promise<void> {
    this.#session = undefined;
    this.emit('fenced');
    const gone = this.#machine.devices().map(({ uuid }) => this.#machine.remove(uuid));
    await Promise.allSettled(gone);
    await session.end('fenced');
    if (this.#closing !== undefined) return;
    try {
      if (found?.state === 'up') {
        throw new MediatedError('EADDRINUSE', `another host has taken the name ${this.name}`, { syscall: 'join' });
      }
      await this.#enter();
      this.emit('rejoined', this.epoch);
    } catch (error) {
      const cause = error instanceof MediatedError ? error : new MediatedError('EIO', String(error), { cause: error });
      this.emit('out', cause);
    }
  }
}

function machineOf(runtime: Runtime | Machine): Machine {
  return 'bus' in runtime ? new BusMachine(runtime) : runtime;
}

function checkParameters({ record, names }: Store, { lease, replicas }: HostOptions): void {
  const differs = (what: string, wanted: number | undefined, is: number) => {
    if (wanted === undefined || wanted === is) return;
    throw new MediatedError('EINVAL', `the fleet ${names.fleet} has a ${what} of ${is}, not ${wanted}`, {
      syscall: 'join',
    });
  };
  differs('lease', lease, record.lease);
  differs('number of replicas', replicas, record.replicas);
}
