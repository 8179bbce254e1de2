/**
 * A registered parent as clients see it, on any thread. Valid until the parent is unregistered; afterwards every
 * operation fails with ENODEV.
 */
import type { ActorHandle, ActorRef } from '../actor/actor-ref.js';
import { ERRNO } from '../errno.js';
import { MediatedError } from '../errors.js';
import { parseUuid } from '../memory/uuid.js';
import type { BusMemory } from './bus-memory.js';
import type { HangWatch } from './hang-watch.js';
import { Mdev } from './mdev.js';
import type { AttributeInfo, ParentMessages } from './parent-protocol.js';
import { HANDLE_SHIFT } from './parent-shard.js';
import { asGone, refusal } from './refusal.js';
import type { SyntheticUevent } from './synthetic-uevent.js';

/** A type of a parent. */
export interface ParentType {
  readonly index: number;
  /** Directory name: `<driver>-<sysfs name>`. */
  readonly id: string;
  /** Text of the `name` attribute. */
  readonly name: string;
}

/** What a parent is made of on a client thread. */
export interface ParentParts {
  readonly name: string;
  /** Path below `/sys`. */
  readonly path: string;
  readonly subsystem: string;
  readonly driver: string;
  readonly deviceApi: string;
  readonly bus: string;
  readonly describes: boolean;
  /** How many attributes of its own it has. */
  readonly files: number;
  readonly index: number;
  readonly generation: number;
  readonly types: readonly ParentType[];
  readonly shards: readonly ActorRef<ParentMessages>[];
  /** The framework's actor beside each of them, if the driver has a framework. */
  readonly frameworks: readonly (ActorHandle | undefined)[];
  /** Watches creates and removals, on the supervising thread if it was told to. */
  readonly hangs: HangWatch | undefined;
}

export class Parent {
  readonly name: string;
  readonly path: string;
  /** Subsystem of the parent device. */
  readonly subsystem: string;
  readonly driver: string;
  readonly deviceApi: string;
  /** The bus that its devices are on: `mdev`, or that of a driver of other devices. */
  readonly bus: string;
  /** Whether its types have a `description`. */
  readonly describes: boolean;
  readonly index: number;
  readonly generation: number;
  readonly types: readonly ParentType[];
  /** The parent's actors, one per thread of its driver that it uses. The first is its home. */
  readonly shards: readonly ActorRef<ParentMessages>[];
  readonly #files: number;
  readonly #frameworks: readonly (ActorHandle | undefined)[];
  readonly #memory: BusMemory;
  readonly #hangs: HangWatch | undefined;
  readonly #typeIndex = new Map<string, number>();
  readonly #words = new Int32Array(4);
  #attributes: Promise<readonly AttributeInfo[]> | undefined;
  #parentAttributes: Promise<readonly AttributeInfo[]> | undefined;

  constructor(memory: BusMemory, parts: ParentParts) {
    this.#memory = memory;
    this.name = parts.name;
    this.path = parts.path;
    this.subsystem = parts.subsystem;
    this.driver = parts.driver;
    this.deviceApi = parts.deviceApi;
    this.bus = parts.bus;
    this.describes = parts.describes;
    this.#files = parts.files;
    this.index = parts.index;
    this.generation = parts.generation;
    this.types = parts.types;
    this.shards = parts.shards;
    this.#frameworks = parts.frameworks;
    this.#hangs = parts.hangs;
    for (const type of parts.types) this.#typeIndex.set(type.id, type.index);
  }

  /** Whether the parent is still registered. */
  get registered(): boolean {
    return this.#memory.parents.isCurrent(this.index, this.generation);
  }

  /** The parent with asks that have a time-out and/or an AbortSignal. */
  with(options: { timeout?: number; signal?: AbortSignal }): Parent {
    return new Parent(this.#memory, { ...this.#parts(), shards: this.shards.map((shard) => shard.with(options)) });
  }

  /** @internal Has an ask watched on which a driver could hang. */
  watch(shard: number, asked: Promise<unknown>): void {
    this.#hangs?.watch(this.shards[shard].handle.thread, asked);
  }

  /** For frameworks: the actor that serves the devices of a shard, undefined when its driver has no framework. */
  frameworkActor(shard: number): ActorHandle | undefined {
    return this.#frameworks[shard];
  }

  /** A type by its directory name. ENOENT when there is none. */
  type(id: string): ParentType {
    const index = this.#typeIndex.get(id);
    if (index === undefined) {
      const known = this.types.map((type) => type.id).join(', ') || 'none';
      throw new MediatedError('ENOENT', `${this.name} has no type ${id} (it has: ${known})`, { syscall: 'create' });
    }
    return this.types[index];
  }

  /**
   * Creates a device (spec/mdev-core section 7). Default UUID: a random one.
   * Rejects, in this order of precedence: ENOENT (type), EINVAL (UUID), EEXIST, EUSERS, ENODEV, then what the driver's
   * probe threw. A failed create leaves nothing behind. `at`: the place among the parent's threads of the one that is to
   * have the device; default: the UUID chooses. EINVAL when there is no such thread.
   */
  create(type: string, uuid: string = crypto.randomUUID(), at?: number): Promise<Mdev> {
    return this.#create('create', type, uuid, at);
  }

  /** {@link create}, by who has reserved the UUID already in the wider space that `runtime.reserveWith` has named. */
  createReserved(type: string, uuid: string): Promise<Mdev> {
    return this.#create('createReserved', type, uuid, undefined);
  }

  async #create(
    message: 'create' | 'createReserved',
    type: string,
    uuid: string,
    at: number | undefined,
  ): Promise<Mdev> {
    const { index } = this.type(type);
    const words = this.#parse(uuid);
    const shard = at === undefined ? this.#shardOf(words) : this.#shardAt(at);
    const asked = this.shards[shard].ask(message, index, words[0], words[1], words[2], words[3]);
    if (this.#hangs !== undefined) this.watch(shard, asked);
    try {
      return this.#created(await asked, uuid, index, shard);
    } catch (error) {
      return asGone(error, 'create', uuid, this.registered);
    }
  }

  /** {@link create}, blocking; for threads that host no actor. */
  createSync(type: string, uuid: string = crypto.randomUUID()): Mdev {
    const { index } = this.type(type);
    const words = this.#parse(uuid);
    const shard = this.#shardOf(words);
    let result: number;
    try {
      result = this.shards[shard].askSync('create', index, words[0], words[1], words[2], words[3]);
    } catch (error) {
      return asGone(error, 'create', uuid, this.registered);
    }
    return this.#created(result, uuid, index, shard);
  }

  /** Throws what a create of a UUID that is in use at this moment is refused with, EEXIST; EINVAL when it is none. */
  refuseTaken(uuid: string): void {
    const words = this.#parse(uuid);
    if (this.#memory.uuids.lookup(words[0], words[1], words[2], words[3]) >= 0) {
      throw refusal(-ERRNO.EEXIST, 'create', `${uuid} on ${this.name}`);
    }
  }

  /** Value of `available_instances` of a type. */
  async availableInstances(type: string): Promise<number> {
    return await this.shards[0].ask('available', this.type(type).index).catch((error) => this.#unread(error, type));
  }

  /** Text of `description` of a type; empty when the driver has none. */
  async description(type: string): Promise<string> {
    return await this.shards[0].ask('description', this.type(type).index).catch((error) => this.#unread(error, type));
  }

  /** The attributes that its driver gives each bound device. ENODEV: the parent is gone. */
  attributes(): Promise<readonly AttributeInfo[]> {
    this.#attributes ??= this.shards[0].ask('attributes').catch((error) => {
      this.#attributes = undefined;
      return asGone(error, 'open', this.name, this.registered);
    });
    return this.#attributes;
  }

  /** The attributes that its driver gives the parent itself. ENODEV: the parent is gone. */
  parentAttributes(): Promise<readonly AttributeInfo[]> {
    if (this.#files === 0) return Promise.resolve([]);
    this.#parentAttributes ??= this.shards[0].ask('parentAttributes').catch((error) => {
      this.#parentAttributes = undefined;
      return asGone(error, 'open', this.name, this.registered);
    });
    return this.#parentAttributes;
  }

  /** Text of an attribute of the parent (`group/name`). ENOENT: none of that name. ENODEV: the parent is gone. */
  async showAttribute(path: string): Promise<string> {
    const asked = this.shards[0].ask('showParentAttribute', path);
    return await asked.catch((error) => asGone(error, 'read', `${path} of ${this.name}`, this.registered));
  }

  /** Writes an attribute of the parent. Rejects with what the driver threw; ENOENT, ENODEV as above. */
  async storeAttribute(path: string, text: string): Promise<void> {
    const asked = this.shards[0].ask('storeParentAttribute', path, text);
    await asked.catch((error) => asGone(error, 'write', `${path} of ${this.name}`, this.registered));
  }

  /** Emits the uevent that was asked for by a write to the parent's `uevent` file. ENODEV: the parent is going. */
  async synthesize({ action, text }: SyntheticUevent): Promise<void> {
    const result = await this.shards[0]
      .ask('synthesizeParent', action, text)
      .catch((error) => asGone(error, 'uevent', this.name, this.registered));
    if (result < 0) throw refusal(result, 'uevent', this.name);
  }

  #unread(error: unknown, type: string): never {
    return asGone(error, 'read', `${type} of ${this.name}`, this.registered);
  }

  #parse(uuid: string): Int32Array {
    if (!parseUuid(uuid, this.#words, 0)) {
      const text = `${JSON.stringify(uuid)} is no UUID; 8-4-4-4-12 hexadecimal digits are`;
      throw new MediatedError('EINVAL', text, { syscall: 'create' });
    }
    return this.#words;
  }

  #shardOf(words: Int32Array): number {
    const { length } = this.shards;
    return length === 1 ? 0 : ((words[0] ^ words[3] ^ (words[3] >>> 16)) >>> 0) % length;
  }

  #shardAt(place: number): number {
    if (place in this.shards) return place;
    const text = `${this.name} has no thread ${place}; it has ${this.shards.length}`;
    throw new MediatedError('EINVAL', text, { syscall: 'create' });
  }

  #created(result: number, uuid: string, type: number, shard: number): Mdev {
    if (result < 0) throw refusal(result, 'create', `${uuid} on ${this.name}`);
    const index = result % HANDLE_SHIFT;
    const generation = Math.floor(result / HANDLE_SHIFT) | 0;
    return new Mdev(this.#memory, this, uuid.toLowerCase(), index, generation, type, shard);
  }

  #parts(): ParentParts {
    const { name, path, subsystem, driver, deviceApi, bus, describes, index, generation, types, shards } = this;
    const own = { name, path, subsystem, driver, deviceApi, bus, describes, index, generation, types, shards };
    return { ...own, files: this.#files, frameworks: this.#frameworks, hangs: this.#hangs };
  }
}
