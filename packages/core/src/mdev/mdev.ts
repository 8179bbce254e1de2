/**
 * A mediated device as clients see it, on any thread: its UUID and where it lives. Immutable; operations on a device
 * that is gone fail with ENODEV, also when another device has the same UUID by then.
 */
import type { ActorRef } from '../actor/actor-ref.js';
import type { BusMemory } from './bus-memory.js';
import { BOUND, DEVICE_SHARD, DEVICE_STATE, DEVICE_TYPE, LINKED, ON_BUS, REMOVE_FILE } from './layout.js';
import type { Parent } from './parent.js';
import type { ParentMessages } from './parent-protocol.js';
import { asGone, refusal } from './refusal.js';

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
  readonly #memory: BusMemory;

  constructor(memory: BusMemory, parent: Parent, uuid: string, index: number, generation: number) {
    this.#memory = memory;
    this.parent = parent;
    this.uuid = uuid;
    this.index = index;
    this.generation = generation;
  }

  /** Directory name of its type, e.g. `mtty-1`. */
  get type(): string {
    return this.parent.types[this.#word(DEVICE_TYPE)].id;
  }

  /** The shard of the parent that owns the device. */
  get shard(): number {
    return this.#word(DEVICE_SHARD);
  }

  /** What exists of it; all false once it is gone. */
  get presence(): MdevPresence {
    const state = this.#word(DEVICE_STATE);
    const directory = this.#memory.devices.isCurrent(this.index, this.generation);
    return {
      directory,
      remove: directory && (state & REMOVE_FILE) !== 0,
      bus: directory && (state & ON_BUS) !== 0,
      driver: directory && (state & BOUND) !== 0,
      links: directory && (state & LINKED) !== 0,
    };
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
    const result = await this.actor.ask('remove', this.index, this.generation).catch(this.#gone);
    if (result < 0) throw refusal(result, 'remove', this.uuid);
  }

  /** {@link remove}, blocking; for threads that host no actor. */
  removeSync(): void {
    const result = this.#sync(() => this.actor.askSync('remove', this.index, this.generation));
    if (result < 0) throw refusal(result, 'remove', this.uuid);
  }

  /** Text of a vendor attribute (`group/name`). ENOENT: none of that name, or unbound. ENODEV: gone. */
  showAttribute(path: string): Promise<string> {
    return this.actor.ask('showAttribute', this.index, this.generation, path).catch(this.#gone);
  }

  /** Writes a vendor attribute. Rejects with what the driver threw. */
  storeAttribute(path: string, text: string): Promise<void> {
    return this.actor.ask('storeAttribute', this.index, this.generation, path, text).catch(this.#gone);
  }

  readonly #gone = (error: unknown): never => asGone(error, 'remove', this.uuid);

  #sync<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      return this.#gone(error);
    }
  }

  #word(word: number): number {
    const { devices } = this.#memory;
    return Atomics.load(devices.words, devices.base(this.index) + word);
  }
}
