/**
 * A vendor driver on one of its threads as the mdev core sees it: probe makes and registers a vfio device, remove
 * unregisters and releases it (spec/vfio-core sections 2 to 4; order as recorded from a kernel). Thread-private; what a
 * step shares with other threads is named in `device-words.ts`. A step that need not wait is a plain call.
 */
import {
  type BusMemory,
  isThenable,
  MediatedError,
  type MdevDevice,
  type MdevDriver,
  type ParentAttribute,
  type VendorAttribute,
} from '@mediated/core';
import type { Semaphore } from '@mediated/core/sync';
import type { ActorRef, ArgsOf, AskNames, ReplyOf } from '@mediated/core/actor';
import { AwaitedUsers } from './await-users.js';
import { systemClock } from './clock.js';
import type { ControlMessages } from './control/control-protocol.js';
import { GroupRecords } from './control/group-records.js';
import { VfioDevice } from './device.js';
import { type DeviceGroups, EmulatedGroups } from './device-groups.js';
import { REFERENCES } from './device-words.js';
import type { FileOperations } from './file-operations.js';
import type { DeviceAttribute, DeviceOperations } from './operations.js';
import { SetTable } from './set-table.js';
import type { VfioShared } from './supervise.js';
import { emitDevice } from './uevents.js';

export class VfioDriver<Data> implements MdevDriver {
  readonly name: string;
  readonly operations: DeviceOperations<Data>;
  /** One is held per open device. */
  readonly pins: Semaphore;
  readonly framework = { module: new URL('./device-files-actor.js', import.meta.url).href, name: 'deviceFilesActor' };
  readonly admitRemove: MdevDriver['admitRemove'];
  readonly getAvailable: MdevDriver['getAvailable'];
  readonly showDescription: MdevDriver['showDescription'];
  readonly attributes: readonly VendorAttribute[];
  readonly parentAttributes: readonly ParentAttribute[];
  readonly #memory: BusMemory;
  readonly #sets: SetTable;
  readonly #groups: DeviceGroups;
  readonly #awaited = new Map<MdevDevice, AwaitedUsers<Data>>();
  /** Set by the device files' actor of this thread: how the bus's control actor is reached. */
  control: (() => ActorRef<ControlMessages> | undefined) | undefined;
  /** Set by the same: what is done with open files of this thread. */
  files: FileOperations | undefined;

  constructor(
    name: string,
    memory: BusMemory,
    pins: Semaphore,
    shared: VfioShared,
    operations: DeviceOperations<Data>,
    groups: DeviceGroups = new EmulatedGroups(memory, new GroupRecords(shared.groups)),
  ) {
    this.name = name;
    this.operations = operations;
    this.pins = pins;
    this.#memory = memory;
    this.#sets = SetTable.from(shared.sets, memory);
    this.#groups = groups;
    const { admitRemove } = operations;
    this.admitRemove = admitRemove && ((mdev) => admitRemove.call(operations, this.#bound(mdev)));
    this.getAvailable = operations.getAvailable?.bind(operations);
    this.showDescription = operations.showDescription?.bind(operations);
    this.attributes = (operations.attributes ?? []).map((attribute) => this.#attribute(attribute));
    this.parentAttributes = operations.parentAttributes ?? [];
  }

  /** The vfio device of an mdev that this driver has probed. */
  deviceOf(mdev: MdevDevice): VfioDevice<Data> | undefined {
    return mdev.driverData instanceof VfioDevice ? mdev.driverData : undefined;
  }

  probe(mdev: MdevDevice): void | Promise<void> {
    const device = new VfioDevice<Data>(this.#memory, mdev, this.#sets.ownSets);
    const number = this.#memory.numbers.allocate();
    if (number < 0) throw new MediatedError('ENOMEM', 'no vfio device number is free', { syscall: 'probe' });
    device.setNumber(number);
    // When init fails there is nothing to undo: the core gives back the number that it finds in the slot.
    const data = this.operations.init?.(device as VfioDevice<undefined>) as Data | Promise<Data>;
    if (isThenable(data)) return this.#awaitInit(device, data as Promise<Data>);
    device.data = data as Data;
    return this.#register(device);
  }

  remove(mdev: MdevDevice): void | Promise<void> {
    const device = this.deviceOf(mdev);
    if (device === undefined) return;
    // Whoever has a reference keeps it, nobody gets a new one.
    device.listed = false;
    emitDevice(this.#memory, 'remove', device.index, device.number);
    if (device.references.put()) return this.#unregistered(device);
    const users = new AwaitedUsers(device, this.operations, this.operations.clock ?? systemClock);
    this.#awaited.set(mdev, users);
    return users.gone.then(() => {
      this.#awaited.delete(mdev);
      return this.#unregistered(device);
    });
  }

  /** The removal of a device that waits for its users is interrupted. False: it had been before, or none waits. */
  interruptRemoval(mdev: MdevDevice, client: number): boolean {
    return this.#awaited.get(mdev)?.interrupt(client) ?? false;
  }

  async stop(): Promise<void> {
    await this.operations.stop?.();
  }

  async #awaitInit(device: VfioDevice<Data>, data: Promise<Data>): Promise<void> {
    device.data = await data;
    await this.#register(device);
  }

  #register(device: VfioDevice<Data>): void | Promise<void> {
    const joined = this.#join(device);
    if (joined !== undefined) return joined.then(() => this.#enroll(device));
    return this.#enroll(device);
  }

  /** Assigns the device to its set. A failure after a successful `init` drops the only reference. */
  #join(device: VfioDevice<Data>): Promise<void> | undefined {
    const fail = async (error: unknown): Promise<never> => {
      await this.#release(device);
      throw error;
    };
    try {
      const key = this.operations.deviceSet?.(device);
      if (key === undefined) return undefined;
      const set = this.#sets.join(device, key);
      if (set instanceof Promise) {
        return set.then((joined) => {
          device.set = joined;
        }, fail);
      }
      device.set = set;
      return undefined;
    } catch (error) {
      return fail(error);
    }
  }

  #enroll(device: VfioDevice<Data>): void | Promise<void> {
    try {
      device.iommuDevice = this.operations.iommuDevice?.(device);
      this.#groups.join(device);
    } catch (error) {
      return Promise.resolve(this.#release(device)).then(() => Promise.reject(error));
    }
    emitDevice(this.#memory, 'add', device.index, device.number);
    device.mdev.driverData = device;
    Atomics.store(device.words, device.offset + REFERENCES, 1);
    device.listed = true;
  }

  #unregistered(device: VfioDevice<Data>): void | Promise<void> {
    const left = this.#groups.leave(device, (group) => this.#retire(group));
    if (left !== undefined) return left.then(() => this.#release(device));
    return this.#release(device);
  }

  /** Asks the control actor. EIO while there is none. */
  askControl<K extends AskNames<ControlMessages>>(
    name: K,
    ...args: ArgsOf<ControlMessages, K>
  ): Promise<ReplyOf<ControlMessages, K>> {
    const control = this.control?.();
    if (control !== undefined) return control.ask(name, ...args);
    return Promise.reject(new MediatedError('EIO', 'the control actor of the bus has ended', { syscall: name }));
  }

  /** A use of a container or an iommufd has ended. A control actor that has died keeps none. */
  endUse(use: number): Promise<void> {
    return this.askControl('endUse', use).catch(() => {});
  }

  /** A control actor that has died or stopped has nothing open. */
  #retire(group: number): Promise<void> {
    return this.askControl('retireGroup', group).catch(() => {});
  }

  /** The last reference is gone: set, number, the driver's own (quirk V7 keeps this order). */
  #release(device: VfioDevice<Data>): void | Promise<void> {
    const left = device.set.leave();
    if (left !== undefined) return left.then(() => this.#releaseOwn(device));
    return this.#releaseOwn(device);
  }

  #releaseOwn(device: VfioDevice<Data>): void | Promise<void> {
    const { number } = device;
    device.setNumber(-1);
    this.#memory.numbers.free(number);
    return this.operations.release?.(device);
  }

  #attribute(attribute: DeviceAttribute<Data>): VendorAttribute {
    const { path, show, store } = attribute;
    return {
      path,
      ...(show === undefined ? {} : { show: (mdev) => show.call(attribute, this.#bound(mdev)) }),
      ...(store === undefined ? {} : { store: (mdev, text) => store.call(attribute, this.#bound(mdev), text) }),
    };
  }

  #bound(mdev: MdevDevice): VfioDevice<Data> {
    const device = this.deviceOf(mdev);
    if (device === undefined) throw new MediatedError('ENODEV', `${mdev.uuid} is not bound to ${this.name}`);
    return device;
  }
}
