/**
 * The create and remove protocols of one parent on one of its threads (spec/mdev-core sections 7, 8 and 10); what they
 * do with the driver is in `binding.ts`. Runs on that thread only. A step that need not wait is a plain call: with a
 * synchronous driver a whole create or removal is one. What the shards of a parent must agree on is shared: the UUID
 * table, the gate, the instance counter. The gate is held from before device add until the operation has ended; nothing
 * here waits for the gate.
 */
import { ERRNO } from '../errno.js';
import type { Semaphore } from '../sync/semaphore.js';
import { Binding, type LateProbe } from './binding.js';
import type { BusMemory } from './bus-memory.js';
import * as channels from './channels.js';
import { MdevDevice } from './device.js';
import type { MdevType } from './driver.js';
import { driverFailure, isThenable } from './driver-call.js';
import type { Gate } from './gate.js';
import {
  ACTIVE,
  ADDED,
  BOUND,
  COUNTED,
  DEVICE_ORDER,
  DEVICE_PARENT,
  DEVICE_PARENT_GENERATION,
  DEVICE_SHARD,
  DEVICE_STATE,
  DEVICE_TYPE,
  DEVICE_UUID,
  DEVICE_WORDS,
  LINKED,
  MDEV_BUS,
  ON_BUS,
  PARENT_DEAD,
  PARENT_DRIVER,
  PARENT_ORDER,
  PARENT_STATE,
  REMOVE_FILE,
} from './layout.js';
import { releaseClaims, releaseSlot } from './release.js';
import type { DriverInstance, ThreadBus } from './thread-bus.js';
import { emitMdev } from './uevents.js';

/** What a shard is made of. */
export interface ShardParts {
  readonly bus: ThreadBus;
  readonly parent: number;
  readonly generation: number;
  readonly shard: number;
  readonly instance: DriverInstance;
  readonly types: readonly MdevType[];
  readonly gate: Gate;
  /** The core's own instance counter; absent when the driver has `getAvailable`. */
  readonly instances: Semaphore | undefined;
}

/** A device as one number: generation and slot. Negative numbers are errnos. */
export const HANDLE_SHIFT = 2 ** 21;

export class ParentShard {
  readonly #bus: ThreadBus;
  readonly #memory: BusMemory;
  readonly #parts: ShardParts;
  readonly #parentBase: number;
  readonly #binding: Binding;
  /** Its devices come and go on the bus; those of another bus are only bound and unbound. */
  readonly #onMdevBus: boolean;

  constructor(parts: ShardParts) {
    this.#parts = parts;
    this.#bus = parts.bus;
    this.#memory = parts.bus.memory;
    this.#parentBase = this.#memory.parents.base(parts.parent);
    const driverName = this.#memory.parents.words[this.#parentBase + PARENT_DRIVER];
    this.#onMdevBus = parts.instance.bus === MDEV_BUS;
    this.#binding = new Binding(this.#memory, parts.instance, driverName);
  }

  /** Create (section 7.2). Returns the handle or a negative errno; throws what the driver's probe threw. */
  create(type: number, u0: number, u1: number, u2: number, u3: number): number | Promise<number> {
    const { devices, uuids, parents } = this.#memory;
    const { words } = devices;
    const index = devices.allocate();
    if (index < 0) {
      if (uuids.lookup(u0, u1, u2, u3) >= 0) return -ERRNO.EEXIST;
      return this.#parts.instances?.value === 0 ? -ERRNO.EUSERS : -ERRNO.ENOMEM;
    }
    const base = devices.base(index);
    // Not `fill`: for thirty words its call costs more than the stores.
    for (let at = base + DEVICE_STATE; at < base + DEVICE_WORDS; at++) words[at] = 0;
    words[base + DEVICE_UUID] = u0;
    words[base + DEVICE_UUID + 1] = u1;
    words[base + DEVICE_UUID + 2] = u2;
    words[base + DEVICE_UUID + 3] = u3;
    words[base + DEVICE_PARENT] = this.#parts.parent;
    words[base + DEVICE_PARENT_GENERATION] = this.#parts.generation;
    words[base + DEVICE_TYPE] = type;
    words[base + DEVICE_SHARD] = this.#parts.shard;
    if (!uuids.insertIfAbsent(index)) {
      devices.free(index);
      return -ERRNO.EEXIST;
    }
    const { instances, gate } = this.#parts;
    if (instances !== undefined) {
      if (!instances.tryAcquire()) {
        this.#release(index);
        return -ERRNO.EUSERS;
      }
      words[base + DEVICE_STATE] = COUNTED;
    }
    const token = this.#enter();
    if (token < 0) {
      this.#release(index);
      return -ERRNO[gate.refusedCreate];
    }
    const device = new MdevDevice(devices, index, devices.generation(index), this.#parts.types[type]);
    words[base + DEVICE_ORDER] = Atomics.add(parents.words, this.#parentBase + PARENT_ORDER, 1);
    this.#bus.put(device);
    device.change(ADDED | REMOVE_FILE | ON_BUS, 0);
    if (channels.createStarted.hasSubscribers) channels.createStarted.publish(channels.deviceNotice(device));
    if (this.#onMdevBus) emitMdev(this.#memory, 'add', index, -1);
    return this.#attach(device, token);
  }

  /** Remove by identity (section 8.2). Returns 0 or a negative errno. */
  remove(index: number, generation: number): number | Promise<number> {
    const device = this.#bus.device(index, generation);
    if (device === undefined) return -ERRNO.ENODEV;
    if ((device.state & ACTIVE) === 0) return -ERRNO.EAGAIN;
    if (this.#parts.instance.driver.admitRemove === undefined) return this.#remove(device);
    const admitted = this.#admitRemove(device);
    if (admitted === undefined) return this.#remove(device);
    return admitted.then(() => {
      if (this.#bus.device(index, generation) !== device) return -ERRNO.ENODEV;
      return (device.state & ACTIVE) === 0 ? -ERRNO.EAGAIN : this.#remove(device);
    });
  }

  /** The driver's leave to remove a device; throws its refusal, at once or as a rejection. */
  #admitRemove(device: MdevDevice): Promise<void> | undefined {
    const { driver, name } = this.#parts.instance;
    try {
      const result = driver.admitRemove?.(device);
      if (!isThenable(result)) return undefined;
      return Promise.resolve(result).catch((error: unknown) => {
        throw driverFailure(name, 'admitRemove', error);
      });
    } catch (error) {
      throw driverFailure(name, 'admitRemove', error);
    }
  }

  #remove(device: MdevDevice): number | Promise<number> {
    device.change(0, ACTIVE);
    const token = this.#enter();
    if (token < 0) return -ERRNO.ENODEV;
    const removal = this.removeChild(device);
    if (removal === undefined) {
      this.#parts.gate.exit(token);
      return 0;
    }
    return removal.then(() => {
      this.#parts.gate.exit(token);
      return 0;
    });
  }

  /**
   * A non-zero write to the `remove` file that the file had accepted (section 8.1, steps 3 and 4): one writer wins,
   * the others wait until the winner's write has returned and then succeed.
   */
  storeRemove(index: number, generation: number): number | Promise<number> {
    const device = this.#bus.device(index, generation);
    if (device === undefined) return 0;
    if ((device.state & REMOVE_FILE) === 0) return device.removing === undefined ? 0 : device.removing.then(() => 0);
    device.change(0, REMOVE_FILE);
    const refused = (error: unknown): never => {
      device.removing = undefined;
      device.change(REMOVE_FILE, 0);
      throw error;
    };
    let result: number | Promise<number>;
    try {
      result = this.remove(index, generation);
    } catch (error) {
      return refused(error);
    }
    if (typeof result !== 'number') return (device.removing = result.catch(refused));
    // Quirk Q2: the kernel loses the file when the removal came too early.
    if (result === -ERRNO.EAGAIN && this.#memory.settings.quirks === 'mended') device.change(REMOVE_FILE, 0);
    return result;
  }

  /** The `unbind` file of the driver: detaches without removing. Returns 0 or a negative errno. */
  unbind(index: number, generation: number): number | Promise<number> {
    const device = this.#bus.device(index, generation);
    if (device === undefined || (device.state & BOUND) === 0) return -ERRNO.ENODEV;
    const detach = this.#binding.detach(device);
    return detach === undefined ? 0 : detach.then(() => 0);
  }

  /** Common removal (section 8.3); the caller holds the gate or has closed it. Cannot fail. */
  removeChild(device: MdevDevice): Promise<void> | undefined {
    if (channels.removeStarted.hasSubscribers) channels.removeStarted.publish(channels.deviceNotice(device));
    device.change(0, LINKED | REMOVE_FILE);
    // The device lock: an unbind that waits for a user goes first.
    if (device.detaching !== undefined) return device.detaching.then(() => this.#delete(device));
    return this.#delete(device);
  }

  #delete(device: MdevDevice): Promise<void> | undefined {
    device.change(0, ON_BUS);
    const detach = (device.state & BOUND) === 0 ? undefined : this.#binding.detach(device);
    if (detach !== undefined) return detach.then(() => this.#deleted(device));
    this.#deleted(device);
    return undefined;
  }

  #deleted(device: MdevDevice): void {
    // Made first: the slot is somebody else's afterwards.
    const notice = channels.removeEnded.hasSubscribers ? channels.deviceNotice(device) : undefined;
    this.#forget(device);
    if (notice !== undefined) channels.removeEnded.publish(notice);
  }

  /** The device is no more: the last event, then everything that it had. */
  #forget(device: MdevDevice): void {
    if (this.#onMdevBus) emitMdev(this.#memory, 'remove', device.index, -1);
    device.change(0, ADDED);
    this.#bus.drop(device);
    this.#release(device.index);
  }

  /** Attach (section 7.4). */
  #attach(device: MdevDevice, token: number): number | Promise<number> {
    let attaching: Promise<LateProbe | undefined> | undefined;
    try {
      attaching = this.#binding.attach(device);
    } catch (error) {
      this.#failCreate(device, token, error);
      throw error;
    }
    if (attaching === undefined) return this.#finishCreate(device, token);
    return attaching.then(
      (late) => {
        if (late === undefined) return this.#finishCreate(device, token);
        this.#abandon(device, token, late);
        throw late.error;
      },
      (error) => {
        this.#failCreate(device, token, error);
        throw error;
      },
    );
  }

  #finishCreate(device: MdevDevice, token: number): number {
    device.change(LINKED | ACTIVE, 0);
    this.#parts.gate.exit(token);
    if (channels.createEnded.hasSubscribers) channels.createEnded.publish(channels.deviceNotice(device));
    return device.index + (device.generation >>> 0) * HANDLE_SHIFT;
  }

  #failCreate(device: MdevDevice, token: number, error: unknown): void {
    const notice: channels.DeviceEndNotice = { ...channels.deviceNotice(device), error };
    device.change(0, REMOVE_FILE | ON_BUS);
    this.#forget(device);
    this.#parts.gate.exit(token);
    channels.createEnded.publish(notice);
  }

  /**
   * The create has failed, but its probe still runs: UUID and instance return at once, the slot (which the driver may
   * still use) when the driver has let go.
   */
  #abandon(device: MdevDevice, token: number, late: LateProbe): void {
    if (this.#onMdevBus) emitMdev(this.#memory, 'remove', device.index, -1);
    this.#bus.drop(device);
    releaseClaims(this.#memory, device.index, this.#parts.instances);
    this.#parts.gate.exit(token);
    channels.createEnded.publish({ ...channels.deviceNotice(device), error: late.error });
    void late.takeBack().then(() => this.#release(device.index));
  }

  /** Enters the gate; -1 when it is shut or the parent is dead for good (quirk Q3 is not reproduced). */
  #enter(): number {
    const token = this.#parts.gate.tryEnter();
    if (token < 0) return token;
    if (Atomics.load(this.#memory.parents.words, this.#parentBase + PARENT_STATE) !== PARENT_DEAD) return token;
    this.#parts.gate.exit(token);
    return -1;
  }

  #release(index: number): void {
    releaseSlot(this.#memory, index, this.#parts.instances);
  }
}
