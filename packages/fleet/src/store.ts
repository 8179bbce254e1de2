/**
 * A fleet's buckets and its stream, opened. All changes go through here, each guarded by the revision that the server holds
 * for the key; nothing is changed without one. Used by hosts and clients, each with a store of its own.
 */
import { MediatedError } from '@mediated/core';
import {
  DiscardPolicy,
  type JetStreamClient,
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  StorageType,
} from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { scan } from './bucket-scan.js';
import { refusalOf } from './connection.js';
import type { Names } from './names.js';
import { FLEET_KEY, type FleetRecord, fleetRecord } from './records.js';
import { type Check, decode, encode } from './shape.js';

/** A record and its revision. */
export interface Kept<T> {
  readonly value: T;
  readonly revision: number;
}

export type BucketName = 'hosts' | 'leases' | 'inventories' | 'devices';

/** Days that events are kept, and the most bytes that they take; the oldest go first. */
const EVENT_DAYS = 7;
const EVENT_BYTES = 1024 ** 3;
/** Nanoseconds in which the server takes an event with the same name for the same event. */
const EVENT_TWINS = 120e9;
const DAY_NANOSECONDS = 86_400e9;

/** Error numbers of JetStream's interface. */
const WRONG_REVISION = [10071, 10164];
const STREAM_MISSING = 10059;
const NAME_IN_USE = 10058;
const NO_MESSAGE = [10037, 10043, 10057];

export class Store {
  readonly connection: NatsConnection;
  readonly names: Names;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly record: FleetRecord;
  readonly buckets: Readonly<Record<BucketName, KV>>;

  private constructor(parts: Pick<Store, 'connection' | 'names' | 'jetstream' | 'manager' | 'record' | 'buckets'>) {
    this.connection = parts.connection;
    this.names = parts.names;
    this.jetstream = parts.jetstream;
    this.manager = parts.manager;
    this.record = parts.record;
    this.buckets = parts.buckets;
  }

  /**
   * Opens a fleet that exists. ENODEV: there is none of that name. EPROTO: it is of another version. Else as
   * {@link refusalOf}.
   */
  static async open(connection: NatsConnection, names: Names): Promise<Store> {
    const text = `no host has ever joined a fleet ${names.fleet} there; the first one makes it (mediated up --fleet URL)`;
    const missing = new MediatedError('ENODEV', text);
    const hosts = await openBucket(connection, names.hosts);
    if (hosts === undefined) throw missing;
    const found = await read(hosts, FLEET_KEY, fleetRecord, names.fleet);
    if (found === undefined) throw missing;
    return Store.#complete(connection, names, hosts, found.value, false);
  }

  /** Opens a fleet, and makes it when there is none yet. `wanted`: what holds for a new one. Errors as {@link Store.open}. */
  static async make(connection: NatsConnection, names: Names, wanted: FleetRecord): Promise<Store> {
    const kvm = new Kvm(connection);
    const hosts =
      (await openBucket(connection, names.hosts)) ??
      (await makeBucket(kvm, names.hosts, { replicas: wanted.replicas }));
    let found = await read(hosts, FLEET_KEY, fleetRecord, names.fleet);
    if (found === undefined) {
      await hosts.create(FLEET_KEY, encode(wanted)).catch((error: unknown) => {
        // Another host was first; its word holds.
        if (!isConflict(error)) throw refusalOf(error, 'join', names.fleet);
      });
      found = await read(hosts, FLEET_KEY, fleetRecord, names.fleet);
    }
    if (found === undefined) throw new MediatedError('EIO', `the record of the fleet ${names.fleet} does not stay`);
    return Store.#complete(connection, names, hosts, found.value, true);
  }

  static async #complete(
    connection: NatsConnection,
    names: Names,
    hosts: KV,
    record: FleetRecord,
    make: boolean,
  ): Promise<Store> {
    const kvm = new Kvm(connection);
    const { replicas, lease } = record;
    const bucket = async (name: string, ttl = 0): Promise<KV> => {
      const found = make ? await makeBucket(kvm, name, { replicas, ttl }) : await openBucket(connection, name);
      if (found === undefined)
        throw new MediatedError('ENODEV', `the fleet ${names.fleet} is not complete: no ${name}`);
      return found;
    };
    const manager = await jetstreamManager(connection);
    const [leases, inventories, devices] = await Promise.all([
      bucket(names.leases, lease),
      bucket(names.inventories),
      bucket(names.devices),
    ]);
    if (make) await makeEvents(manager, names, replicas);
    const buckets = { hosts, leases, inventories, devices };
    return new Store({ connection, names, jetstream: jetstream(connection), manager, record, buckets });
  }

  /** What is kept under a key, as the server's leader has it. EPROTO: it is not understood. EIO: no answer. */
  read<T>(bucket: BucketName, key: string, check: Check<T>): Promise<Kept<T> | undefined> {
    return read(this.buckets[bucket], key, check, `${this.names[bucket]}/${key}`);
  }

  /**
   * Writes what is to be kept under a key if its revision is still `expected` (0: there is nothing). Answers the new
   * revision, or undefined when it is another. Throws what the library threw: `isUnanswered` tells whether it is open
   * whether it was written.
   */
  async write(
    bucket: BucketName,
    key: string,
    value: object,
    expected: number,
    timeout = 5000,
  ): Promise<number | undefined> {
    try {
      const subject = `$KV.${this.names[bucket]}.${key}`;
      const expect = { lastSubjectSequence: expected };
      return (await this.jetstream.publish(subject, encode(value), { expect, timeout, retries: 0 })).seq;
    } catch (error) {
      if (!isConflict(error)) throw error;
      const marker = expected === 0 ? await this.#deletionOf(bucket, key) : undefined;
      return marker === undefined ? undefined : this.write(bucket, key, value, marker, timeout);
    }
  }

  /** Revision of the trace that another tool has left when it deleted a key; undefined when there is none. */
  async #deletionOf(bucket: BucketName, key: string): Promise<number | undefined> {
    const entry = await this.buckets[bucket].get(key);
    return entry === null || entry.operation === 'PUT' ? undefined : entry.revision;
  }

  /** Replaces what is kept under a key that only this writer writes. Throws what the library threw. */
  async put(bucket: BucketName, key: string, value: object): Promise<void> {
    await this.buckets[bucket].put(key, encode(value));
  }

  /**
   * Deletes exactly this revision of whatever key it is of, without a trace; nothing when it is not there any more. Throws
   * what the library threw, as {@link write}.
   */
  async erase(bucket: BucketName, revision: number): Promise<void> {
    try {
      await this.manager.streams.deleteMessage(`KV_${this.names[bucket]}`, revision, false);
    } catch (error) {
      if (!(error instanceof JetStreamApiError && NO_MESSAGE.includes(error.code))) throw error;
    }
  }

  /** Goes through everything that is in a bucket at this moment. What is not understood is passed over. */
  async *all<T>(bucket: BucketName, check: Check<T>): AsyncGenerator<Kept<T> & { readonly key: string }> {
    const name = this.names[bucket];
    const prefix = `$KV.${name}.`;
    try {
      for await (const message of scan(this.jetstream, name)) {
        const key = message.subject.slice(prefix.length);
        let value: T;
        try {
          value = decode(message.data, check, `${name}/${key}`);
        } catch {
          continue;
        }
        yield { key, value, revision: message.seq };
      }
    } catch (error) {
      throw refusalOf(error, 'read', name);
    }
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof JetStreamApiError && WRONG_REVISION.includes(error.code);
}

async function read<T>(bucket: KV, key: string, check: Check<T>, what: string): Promise<Kept<T> | undefined> {
  const entry = await bucket.get(key).catch((error: unknown) => {
    throw refusalOf(error, 'read', what);
  });
  if (entry === null || entry.operation !== 'PUT') return undefined;
  return { value: decode(entry.value, check, what), revision: entry.revision };
}

/** A bucket that exists. */
async function openBucket(connection: NatsConnection, name: string): Promise<KV | undefined> {
  try {
    const bucket = await new Kvm(connection).open(name);
    await bucket.status();
    return bucket;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_MISSING) return undefined;
    throw refusalOf(error, 'open', name);
  }
}

/** A bucket; one that exists stays as it is. Reads are answered by the stream's leader, never by a replica that lags. */
async function makeBucket(kvm: Kvm, name: string, options: { replicas: number; ttl?: number }): Promise<KV> {
  const file = { history: 1, storage: StorageType.File, allow_direct: false };
  return kvm.create(name, { ...file, ...options }).catch(async (error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === NAME_IN_USE) return kvm.open(name);
    throw refusalOf(error, 'make', name);
  });
}

async function makeEvents(manager: JetStreamManager, names: Names, replicas: number): Promise<void> {
  const stream = {
    name: names.events,
    subjects: [names.event('*', '*'), names.told('*', '*')],
    num_replicas: replicas,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: EVENT_DAYS * DAY_NANOSECONDS,
    max_bytes: EVENT_BYTES,
    duplicate_window: EVENT_TWINS,
    allow_direct: false,
  };
  await manager.streams.add(stream).catch((error: unknown) => {
    if (!(error instanceof JetStreamApiError && error.code === NAME_IN_USE))
      throw refusalOf(error, 'make', stream.name);
  });
}
