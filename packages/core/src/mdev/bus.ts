/**
 * The mdev bus as clients see it, on any thread: parents by name, devices by UUID, unbinding, uevents. Look-ups read
 * shared memory and ask nobody.
 */
import type { Client } from '../actor/client.js';
import { createEmitter, type Emitter } from '../emitter.js';
import { MediatedError } from '../errors.js';
import { formatUuid, parseUuid } from '../memory/uuid.js';
import type { BusMemory } from './bus-memory.js';
import { driverNames } from './driver-slots.js';
import {
  AUTOPROBE,
  DEVICE_PARENT,
  DEVICE_PARENT_GENERATION,
  DEVICE_SHARD,
  DEVICE_STATE,
  DEVICE_TYPE,
  DEVICE_UUID,
  ON_BUS,
  PARENT_API,
  PARENT_BUS,
  PARENT_DESCRIBES,
  PARENT_DRIVER,
  PARENT_FILES,
  PARENT_LIVE,
  PARENT_NAME,
  PARENT_PATH,
  PARENT_SHARD_COUNT,
  PARENT_SHARDS,
  PARENT_STATE,
  PARENT_SUBSYSTEM,
  PARENT_TYPE_COUNT,
  PARENT_TYPES,
  SHARD_WORDS,
  TYPE_WORDS,
} from './layout.js';
import type { HangWatch } from './hang-watch.js';
import { Mdev } from './mdev.js';
import { Parent } from './parent.js';
import { parentProtocol } from './parent-protocol.js';
import { asGone, refusal } from './refusal.js';
import { UeventFeed, type UeventEvents } from './uevent-feed.js';

export class Bus {
  readonly client: Client;
  readonly memory: BusMemory;
  readonly #hangs: HangWatch | undefined;
  readonly #parents = new Map<number, Parent>();
  readonly #byName = new Map<string, Parent>();
  readonly #events = createEmitter<UeventEvents>();
  #feed: UeventFeed | undefined;

  /** With `hangs`, creates and removals asked for through this bus are watched. */
  constructor(client: Client, memory: BusMemory, hangs?: HangWatch) {
    this.client = client;
    this.memory = memory;
    this.#hangs = hangs;
  }

  /** Uevents, in the order of their sequence numbers. Followed from the first use of this property on. */
  get events(): Emitter<UeventEvents> {
    this.#feed ??= new UeventFeed(this.memory, this.#events);
    return this.#events;
  }

  /** Emits every uevent that is already in the log, without waiting. */
  drainEvents(): void {
    this.#feed?.drain();
  }

  /** A registered parent. ENODEV when there is none of that name. */
  parent(name: string): Parent {
    const known = this.#byName.get(name);
    if (known?.registered && this.#isLive(known.index)) return known;
    const found = this.parents().find((parent) => parent.name === name);
    if (found !== undefined) {
      this.#byName.set(name, found);
      return found;
    }
    const names = this.parents().map((parent) => parent.name);
    throw new MediatedError('ENODEV', `no parent ${name} is registered (there are: ${names.join(', ') || 'none'})`);
  }

  /** Every registered parent. */
  parents(): Parent[] {
    const { parents } = this.memory;
    const live: Parent[] = [];
    for (let index = 0; index < parents.top; index++) {
      const generation = parents.generation(index);
      if ((generation & 1) !== 0 && this.#isLive(index)) live.push(this.#parentAt(index, generation));
    }
    return live;
  }

  /** Names of the drivers on the bus. */
  drivers(): string[] {
    return driverNames(this.memory);
  }

  /** Value of `drivers_autoprobe`. It changes nothing: a create binds its device always, nothing else ever does. */
  get autoprobe(): boolean {
    return Atomics.load(this.memory.flags, AUTOPROBE) !== 0;
  }

  set autoprobe(on: boolean) {
    Atomics.store(this.memory.flags, AUTOPROBE, on ? 1 : 0);
  }

  /** The device of a UUID, or undefined. Half-created and vanishing devices count. */
  mdev(uuid: string): Mdev | undefined {
    const words = new Int32Array(4);
    if (!parseUuid(uuid, words, 0)) return undefined;
    const { devices, uuids } = this.memory;
    for (;;) {
      const index = uuids.lookup(words[0], words[1], words[2], words[3]);
      if (index < 0) return undefined;
      const generation = devices.generation(index);
      // Found again: it has this UUID in the life whose number was read in between.
      if (uuids.lookup(words[0], words[1], words[2], words[3]) === index) return this.#mdevAt(index, generation);
    }
  }

  /** For frameworks: the device in a slot, of the life that the slot has now. */
  deviceAt(index: number): Mdev | undefined {
    const generation = this.memory.devices.generation(index);
    return (generation & 1) === 0 ? undefined : this.#mdevAt(index, generation);
  }

  /** Every device on the bus, in no particular order. */
  mdevs(): Mdev[] {
    const { devices } = this.memory;
    const found: Mdev[] = [];
    for (let index = 0; index < devices.top; index++) {
      const generation = devices.generation(index);
      if ((Atomics.load(devices.words, devices.base(index) + DEVICE_STATE) & ON_BUS) === 0) continue;
      const mdev = this.#mdevAt(index, generation);
      if (mdev !== undefined) found.push(mdev);
    }
    return found;
  }

  /**
   * A write of a device name to the driver's `unbind` file (spec/mdev-core section 3): detaches the device and waits
   * while it is in use. ENODEV: no such device, or not bound to that driver.
   */
  async unbind(driver: string, name: string): Promise<void> {
    const mdev = this.#named(name);
    if (mdev === undefined || mdev.parent.driver !== driver) throw refusal(-19, 'unbind', name);
    const result = await mdev.actor
      .ask('unbind', mdev.index, mdev.generation)
      .catch((error) => asGone(error, 'unbind', name, mdev.parent.registered));
    if (result < 0) throw refusal(result, 'unbind', name);
  }

  /** A write to the driver's `bind` file: mdevs never match, so it is always ENODEV. */
  bind(_driver: string, name: string): Promise<never> {
    return Promise.reject(refusal(-19, 'bind', name));
  }

  /** A write to `drivers_probe`: does nothing for a device that is on the bus, ENODEV for any other name. */
  driversProbe(name: string): void {
    if (this.#named(name) === undefined) throw refusal(-19, 'drivers_probe', name);
  }

  /** Stops following uevents. */
  close(): void {
    this.#feed?.close();
  }

  /** A device on the bus by its exact name: lower case, as the kernel compares. */
  #named(name: string): Mdev | undefined {
    const mdev = name === name.toLowerCase() ? this.mdev(name) : undefined;
    return mdev?.presence.bus ? mdev : undefined;
  }

  /** The device in a slot which, after its generation was read, was seen to be filled in. */
  #mdevAt(index: number, generation: number): Mdev | undefined {
    const { devices } = this.memory;
    const { words } = devices;
    const base = devices.base(index);
    const uuid = formatUuid(words, base + DEVICE_UUID);
    const parent = words[base + DEVICE_PARENT];
    const parentGeneration = words[base + DEVICE_PARENT_GENERATION];
    const type = words[base + DEVICE_TYPE];
    const shard = words[base + DEVICE_SHARD];
    // Whatever was read belongs to this life of the slot only if it is still the same one.
    if (!devices.isCurrent(index, generation)) return undefined;
    if (!this.memory.parents.isCurrent(parent, parentGeneration)) return undefined;
    return new Mdev(this.memory, this.#parentAt(parent, parentGeneration), uuid, index, generation, type, shard);
  }

  #isLive(index: number): boolean {
    const { parents } = this.memory;
    return Atomics.load(parents.words, parents.base(index) + PARENT_STATE) === PARENT_LIVE;
  }

  #parentAt(index: number, generation: number): Parent {
    const known = this.#parents.get(index);
    if (known?.generation === generation) return known;
    const { words } = this.memory.parents;
    const base = this.memory.parents.base(index);
    const name = (word: number) => this.memory.nameOf(words[base + word]);
    const parent = new Parent(this.memory, {
      name: name(PARENT_NAME),
      path: name(PARENT_PATH),
      subsystem: name(PARENT_SUBSYSTEM),
      driver: name(PARENT_DRIVER),
      deviceApi: name(PARENT_API),
      bus: name(PARENT_BUS),
      describes: words[base + PARENT_DESCRIBES] !== 0,
      files: words[base + PARENT_FILES],
      index,
      generation,
      types: Array.from({ length: words[base + PARENT_TYPE_COUNT] }, (_, type) => ({
        index: type,
        id: name(PARENT_TYPES + type * TYPE_WORDS),
        name: name(PARENT_TYPES + type * TYPE_WORDS + 1),
      })),
      shards: Array.from({ length: words[base + PARENT_SHARD_COUNT] }, (_, shard) => {
        const at = base + PARENT_SHARDS + shard * SHARD_WORDS;
        return this.client.ref({ thread: words[at], actor: words[at + 1] }, parentProtocol);
      }),
      frameworks: Array.from({ length: words[base + PARENT_SHARD_COUNT] }, (_, shard) => {
        const at = base + PARENT_SHARDS + shard * SHARD_WORDS;
        return words[at + 2] === 0 ? undefined : { thread: words[at], actor: words[at + 2] };
      }),
      hangs: this.#hangs,
    });
    this.#parents.set(index, parent);
    return parent;
  }
}
