/**
 * A mediated device as clients see it, on any thread: its UUID and where it lives. Immutable; operations on a device
 * that is gone fail with ENODEV, also when another device has the same UUID by then.
 */
import type { ActorRef } from '../actor/actor-ref.js';
import { ERRNO } from '../errno.js';
import type { BusMemory } from './bus-memory.js';
import { BOUND, DEVICE_IDS, DEVICE_NAME, DEVICE_STATE, LINKED, ON_BUS, REMOVE_FILE } from './layout.js';
import type { Parent } from './parent.js';
import type { ParentMessages } from './parent-protocol.js';
import { asGone, refusal } from './refusal.js';
import type { SyntheticUevent } from './synthetic-uevent.js';

/** What exists of a device at the moment (spec/mdev-core sections 6 to 8). */
export interface MdevPresence {
  /** The device's directory: from device add to release. */
  readonly directory: boolean;
  /** Its `remove` file. */
  readonly remove: boolean;
  /** Its link on the bus. */
  readonly bus: boolean;
  /** Its driver. */
  readonly driver: boolean;
  /** `mdev_type` and the link in the type's `devices`. */
  readonly links: boolean;
}

export class Mdev {
  readonly uuid: string;
  readonly parent: Parent;
  /** Slot number and generation: the device's identity across threads. */
  readonly index: number;
  readonly generation: number;
  /** The shard of the parent that owns the device. */
  readonly shard: number;
  readonly #memory: BusMemory;
  readonly #type: number;

  /** `type`: position among the parent's types. */
  constructor(
    memory: BusMemory,
    parent: Parent,
    uuid: string,
    index: number,
    generation: number,
    type: number,
    shard: number,
  ) {
    this.#memory = memory;
    this.parent = parent;
    this.uuid = uuid;
    this.index = index;
    this.generation = generation;
    this.#type = type;
    this.shard = shard;
  }

  /** Directory name of its type, e.g. `mtty-1`. */
  get type(): string {
    return this.parent.types[this.#type].id;
  }

  /** Its name on its bus: the UUID of a mediated device, what its driver says (`0000:01:00.0`) of another. */
  get name(): string {
    const { devices } = this.#memory;
    const id = devices.words[devices.base(this.index) + DEVICE_NAME];
    if (id === 0 || !devices.isCurrent(this.index, this.generation)) return this.uuid;
    const path = this.#memory.nameOf(id - 1);
    return path.slice(path.lastIndexOf('/') + 1);
  }

  /** What exists of it; all false once it is gone. */
  get presence(): MdevPresence {
    const { devices } = this.#memory;
    const state = Atomics.load(devices.words, devices.base(this.index) + DEVICE_STATE);
    const directory = devices.isCurrent(this.index, this.generation);
    return {
      directory,
      remove: directory && (state & REMOVE_FILE) !== 0,
      bus: directory && (state & ON_BUS) !== 0,
      driver: directory && (state & BOUND) !== 0,
      links: directory && (state & LINKED) !== 0,
    };
  }

  /** Number of the IOMMU group that its framework put it into, if any. */
  get group(): number | undefined {
    const { devices } = this.#memory;
    const group = Atomics.load(devices.words, devices.base(this.index) + DEVICE_IDS);
    return group !== 0 && devices.isCurrent(this.index, this.generation) ? group - 1 : undefined;
  }

  /** Number of its framework device (`vfio<number>`), if it has one. */
  get number(): number | undefined {
    const { devices } = this.#memory;
    const number = Atomics.load(devices.words, devices.base(this.index) + DEVICE_IDS + 1);
    return number !== 0 && devices.isCurrent(this.index, this.generation) ? number - 1 : undefined;
  }

  /** The parent actor on the device's thread. */
  get actor(): ActorRef<ParentMessages> {
    return this.parent.shards[this.shard];
  }

  /**
   * Removes the device, as an internal caller does (spec/mdev-core 8.2): waits while it is in use.
   * ENODEV: gone, or its parent is being unregistered. EAGAIN: not completely created, or being removed already.
   */
  async remove(): Promise<void> {
    let result: number;
    try {
      result = await this.#watched(this.actor.ask('remove', this.index, this.generation));
    } catch (error) {
      return this.#gone(error);
    }
    if (result < 0) throw refusal(result, 'remove', this.uuid);
  }

  /** {@link remove}, blocking; for threads that host no actor. */
  removeSync(): void {
    const result = this.#sync(() => this.actor.askSync('remove', this.index, this.generation));
    if (result < 0) throw refusal(result, 'remove', this.uuid);
  }

  /**
   * A write of a non-zero number to the `remove` file (spec/mdev-core 8.1): the first claims the file, the others wait
   * until it is through and succeed. ENODEV: the file is gone. Else as {@link remove}; the file stays gone then too.
   */
  async storeRemove(): Promise<void> {
    if (!this.presence.remove) throw refusal(-ERRNO.ENODEV, 'remove', this.uuid);
    const asked = this.#watched(this.actor.ask('storeRemove', this.index, this.generation));
    const result = await asked.catch((error) => this.#gone(error));
    if (result < 0) throw refusal(result, 'remove', this.uuid);
  }

  /** {@link storeRemove}, blocking; for threads that host no actor. */
  storeRemoveSync(): void {
    if (!this.presence.remove) throw refusal(-ERRNO.ENODEV, 'remove', this.uuid);
    const result = this.#sync(() => this.actor.askSync('storeRemove', this.index, this.generation));
    if (result < 0) throw refusal(result, 'remove', this.uuid);
  }

  /** Emits the uevent that was asked for by a write to the device's `uevent` file. ENODEV: gone. */
  async synthesize({ action, text }: SyntheticUevent): Promise<void> {
    const asked = this.actor.ask('synthesize', this.index, this.generation, action, text);
    const result = await asked.catch((error) => this.#gone(error));
    if (result < 0) throw refusal(result, 'uevent', this.uuid);
  }

  /** Text of a vendor attribute (`group/name`). ENOENT: none of that name, or unbound. ENODEV: gone. */
  showAttribute(path: string): Promise<string> {
    return this.actor.ask('showAttribute', this.index, this.generation, path).catch((error) => this.#gone(error));
  }

  /** Writes a vendor attribute. Rejects with what the driver threw. */
  storeAttribute(path: string, text: string): Promise<void> {
    const asked = this.actor.ask('storeAttribute', this.index, this.generation, path, text);
    return asked.catch((error) => this.#gone(error));
  }

  #watched<T>(asked: Promise<T>): Promise<T> {
    this.parent.watch(this.shard, asked);
    return asked;
  }

  #gone(error: unknown): never {
    return asGone(error, 'remove', this.uuid, this.parent.registered);
  }

  #sync<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      return this.#gone(error);
    }
  }
}
