/**
 * The bus of an emulated MC, as whoever looks after the host sees it: what a write to `bind`, `unbind` or `driver_override`
 * does, objects that come and go (spec/vendors/platform-fsl B3). As in the kernel, the bus's own part of it runs on the
 * calling thread, any client of the mdev bus; what the driver does runs on the driver's threads. What is done to a container
 * and its objects is done one thing at a time, as under the kernel's device locks: also while a removal waits for users.
 */
import { channel } from 'node:diagnostics_channel';
import { type Bus, isMediatedError, type Mdev, MediatedError, type Parent } from '@mediated/core';
import { bind, boundDevice } from '../physical/bind.js';
import { type McBusHandle, McRecords, OVERRIDES, PORTALS } from './mc-records.js';
import type { McNode, McSpec } from './mc-spec.js';

/** Message of `mediated:fsl-mc:warning` (calling thread). */
export interface McWarning {
  readonly object: string;
  readonly message: string;
}

/** Options of {@link McBus.bind} and {@link McBus.plug}. */
export interface McBindOptions {
  /** Place among the parent's threads of the one that is to have an object, by its name. Default: the name chooses. */
  threadOf?(name: string): number | undefined;
}

const warnings = channel('mediated:fsl-mc:warning');
const VFIO = 'vfio-fsl-mc';

export class McBus {
  readonly #bus: Bus;
  readonly #records: McRecords;

  private constructor(bus: Bus, records: McRecords) {
    this.#bus = bus;
    this.#records = records;
  }

  /** Makes the bus of an MC. On the supervising thread (`runtime.bus`). EINVAL: what is described makes no sense. */
  static create(bus: Bus, spec: McSpec): McBus {
    return new McBus(bus, McRecords.create(spec));
  }

  /** The bus of another thread, by its handle. */
  static attach(bus: Bus, handle: McBusHandle): McBus {
    return new McBus(bus, McRecords.from(handle));
  }

  /** The options that `vfio-fsl-mc` is loaded with; also for other threads. */
  get handle(): McBusHandle {
    return this.#records.handle;
  }

  /** The thread that made it looks after it no longer: the driver is unloaded. */
  close(): void {
    this.#records.close();
  }

  /** Names of the devices on the bus. */
  get devices(): string[] {
    return this.#records.nodes.filter((node) => this.#records.isPresent(node)).map(({ name }) => name);
  }

  /** Text of an object's `driver_override`; empty: none. ENODEV. */
  driverOverride(name: string): string {
    const node = this.#device(name, 'read');
    const override = this.#records.override(node);
    if (override === OVERRIDES.vfio) return VFIO;
    return override === OVERRIDES.host ? hostOf(node) : '';
  }

  /** Writes it: `vfio-fsl-mc`, the host's driver for the object, or nothing. ENODEV; EINVAL: another driver. */
  setDriverOverride(name: string, driver: string): void {
    const node = this.#device(name, 'write');
    const overrides = new Map([
      ['', OVERRIDES.none],
      [VFIO, OVERRIDES.vfio],
      [hostOf(node), OVERRIDES.host],
    ] as const);
    const override = driver === '' ? OVERRIDES.none : overrides.get(driver);
    if (override === undefined) {
      throw new MediatedError('EINVAL', `no driver ${driver} is for ${name}`, { syscall: 'write' });
    }
    this.#records.setOverride(node, override);
  }

  /**
   * Binds a container, and with it its objects, which are found by scanning it; or one object. Its override becomes
   * `vfio-fsl-mc`. Rejects with ENODEV (no such device), EBUSY (it is bound already), what setting up or scanning the
   * container answers; then nothing is bound. An object that is refused is merely not bound (`mediated:fsl-mc:warning`).
   */
  async bind(parent: Parent, name: string, options: McBindOptions = {}): Promise<Mdev> {
    using _ = await this.#hold(name);
    const node = this.#device(name, 'bind');
    const records = this.#records;
    if (records.isBound(node)) throw new MediatedError('EBUSY', `${name} is bound already`, { syscall: 'bind' });
    if (node.isContainer) {
      // The driver that has or had the container takes its objects with it.
      await this.#removeChildren(parent, node);
      records.setPortal(node, PORTALS.none);
    }
    records.setOverride(node, OVERRIDES.vfio);
    records.setHost(node, false);
    const mdev = await this.#bind(parent, name, options);
    if (!node.isContainer) return mdev;
    try {
      await this.#scan(parent, node, options);
    } catch (error) {
      await this.#removeChildren(parent, node);
      await mdev.remove();
      throw error;
    }
    return mdev;
  }

  /** Unbinds a device, waits while it is in use; then the objects of a container go. ENODEV: it is not bound. */
  async unbind(parent: Parent, name: string): Promise<void> {
    using _ = await this.#hold(name);
    const node = this.#device(name, 'unbind');
    await boundDevice(this.#bus, parent, name).remove();
    if (node.isContainer) await this.#removeChildren(parent, node);
  }

  /** Gives a device to the host's driver for it. ENODEV: none is for it, or another alone may have it. EBUSY: it is bound. */
  bindHost(name: string): void {
    const node = this.#device(name, 'bind');
    const records = this.#records;
    if (records.isBound(node) || records.isHost(node)) {
      throw new MediatedError('EBUSY', `${name} is bound already`, { syscall: 'bind' });
    }
    if (node.isContainer || node.objectHost === undefined || records.override(node) === OVERRIDES.vfio) {
      throw new MediatedError('ENODEV', `the host has no driver that may have ${name}`, { syscall: 'bind' });
    }
    records.setHost(node, true);
    if (!records.hasNotifier(node)) return;
    const { containerPlace } = node;
    const container = records.nodes[containerPlace]?.name;
    warn(name, `${hostOf(node)} has an object of ${container}, which vfio has`);
  }

  /**
   * An object appears in its container. If that was scanned, it becomes a device, and a driver gets it: vfio, where vfio
   * has the container. Returns the bound device, if it is one. ENOENT: none of this name is described. EEXIST: it is there.
   */
  async plug(parent: Parent, name: string, options: McBindOptions = {}): Promise<Mdev | undefined> {
    using _ = await this.#hold(name);
    const node = this.#object(name, 'plug');
    if (!this.#records.setPlugged(node, true)) {
      throw new MediatedError('EEXIST', `${name} is there already`, { syscall: 'plug' });
    }
    if (this.#records.portal(node) === PORTALS.none) return undefined;
    return await this.#add(parent, node, options);
  }

  /** An object goes, when nobody uses it any more. ENOENT: there is none. */
  async unplug(parent: Parent, name: string): Promise<void> {
    using _ = await this.#hold(name);
    const node = this.#object(name, 'unplug');
    if (!this.#records.setPlugged(node, false)) {
      throw new MediatedError('ENOENT', `${name} is not there`, { syscall: 'unplug' });
    }
    await this.#remove(parent, node);
  }

  /** The only one who has devices of a container come and go. An unknown name is of no container. */
  async #hold(name: string): Promise<Disposable> {
    const node = this.#records.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) return { [Symbol.dispose]() {} };
    const mutex = this.#records.bindingMutex(node);
    const guard = await mutex.lock();
    // Whoever died half-way has left every word at what is so: devices that came are there.
    if (guard.ownerDied) mutex.markConsistent();
    return guard;
  }

  async #scan(parent: Parent, container: McNode, options: McBindOptions): Promise<void> {
    const { faults } = container.containerSpec;
    if (faults?.scan !== undefined) throw new MediatedError(faults.scan, `${container.name} cannot be scanned`);
    for (const node of this.#records.childrenOf(container)) {
      if (this.#records.isPlugged(node)) await this.#add(parent, node, options);
    }
  }

  /** A device comes to the bus: vfio's notifier is told, then it is probed. */
  async #add(parent: Parent, node: McNode, options: McBindOptions): Promise<Mdev | undefined> {
    const records = this.#records;
    const notify = () => {
      if (records.hasNotifier(node)) records.setOverride(node, OVERRIDES.vfio);
    };
    if (!records.add(node, notify)) return undefined;
    if (records.override(node) !== OVERRIDES.vfio) {
      records.setHost(node, node.objectHost !== undefined);
      return undefined;
    }
    try {
      return await this.#bind(parent, node.name, options);
    } catch (error) {
      if (!isMediatedError(error)) throw error;
      warn(node.name, `vfio does not take it: ${error.message}`);
      return undefined;
    }
  }

  /** As `device_for_each_child_reverse` does: the last to come is the first to go. */
  async #removeChildren(parent: Parent, container: McNode): Promise<void> {
    for (const node of [...this.#records.childrenOf(container)].reverse()) await this.#remove(parent, node);
  }

  async #remove(parent: Parent, node: McNode): Promise<void> {
    if (!this.#records.isPresent(node)) return;
    if (this.#records.isBound(node)) {
      await boundDevice(this.#bus, parent, node.name)
        .remove()
        .catch((error: unknown) => {
          // Somebody else was faster.
          if (!isMediatedError(error, 'ENODEV')) throw error;
        });
    }
    this.#records.remove(node);
  }

  #bind(parent: Parent, name: string, { threadOf }: McBindOptions): Promise<Mdev> {
    const thread = threadOf?.(name);
    return bind(parent, name, thread === undefined ? {} : { thread });
  }

  #device(name: string, syscall: string): McNode {
    const node = this.#records.nodes.find((candidate) => candidate.name === name);
    if (node !== undefined && this.#records.isPresent(node)) return node;
    throw new MediatedError('ENODEV', `there is no device ${name}`, { syscall });
  }

  #object(name: string, syscall: string): McNode {
    const node = this.#records.nodes.find((candidate) => candidate.name === name);
    if (node !== undefined && !node.isContainer) return node;
    throw new MediatedError('ENOENT', `no object ${name} is described`, { syscall });
  }
}

function hostOf({ objectHost, host }: McNode): string {
  return objectHost?.name ?? host?.name ?? '';
}

function warn(object: string, message: string): void {
  if (warnings.hasSubscribers) warnings.publish({ object, message } satisfies McWarning);
}
