/**
 * A recorder's process that used PCI functions through vfio-pci, and another one beside it: what is bound, which groups and
 * devices are open. Used by the hot reset steps.
 */
import type { Mdev, Parent, Runtime } from '@mediated/core';
import { Descriptors } from '@mediated/vfio';
import { bind, boundDevice } from '@mediated/vfio/physical';
import * as uapi from '@mediated/vfio/uapi';
import { int } from './attempt.js';
import { Skip } from './step.js';

/** How often functions were reset alone, and buses or slots as a whole. */
export interface Resets {
  readonly functions: number;
  readonly buses: number;
}

export class PciSession {
  readonly program: Descriptors;
  readonly #other: Descriptors;
  readonly #parent: Parent;
  readonly #virtual: ReadonlySet<string>;
  /** Bound functions by name, in the order of binding. */
  readonly bound = new Map<string, Mdev>();
  /** Open groups by number, open devices by name. */
  readonly groups = new Map<number, number>();
  readonly devices = new Map<string, number>();
  container: number | undefined;
  /** A group that has nothing to do with what is reset. */
  unrelated: number | undefined;

  constructor(runtime: Runtime, parent: Parent, virtual: readonly string[]) {
    this.program = new Descriptors(runtime.bus);
    this.#other = new Descriptors(runtime.bus);
    this.#parent = parent;
    this.#virtual = new Set(virtual);
  }

  get bus() {
    return this.program.bus;
  }

  /** The device of this name, or the one that was opened first, opened if it is not. */
  async device(name?: string): Promise<number> {
    const [opened] = this.devices.keys();
    const [bound] = this.bound.keys();
    const wanted = name ?? opened ?? bound;
    if (wanted === undefined) throw new Skip('the recording does not show which device is bound');
    const known = this.devices.get(wanted);
    if (known !== undefined) return known;
    const mdev = this.bound.get(wanted);
    if (mdev?.group === undefined) throw new Skip(`the recording does not show how ${wanted} was bound`);
    if (!this.groups.has(mdev.group)) {
      await this.setContainer(await this.openGroup(mdev.group));
      await this.setIommu();
    }
    return this.openDevice(wanted);
  }

  /** Binds a function; one that offers virtual functions does so from then on, as many as were recorded. */
  async bind(name: string): Promise<Mdev> {
    const mdev = await bind(this.#parent, name);
    this.bound.set(name, mdev);
    const [, bus] = name.split(':');
    const virtual = [...this.#virtual].filter((other) => other.split(':')[1] === bus).length;
    if (virtual > 0 && !this.#virtual.has(name)) await mdev.storeAttribute('sriov_numvfs', String(virtual));
    return mdev;
  }

  async openGroup(group: number): Promise<number> {
    const descriptor = await this.program.open(`/dev/vfio/${group}`);
    this.groups.set(group, descriptor);
    return descriptor;
  }

  async setContainer(group: number, program = this.program, container = this.container): Promise<number> {
    this.container ??= await this.program.open('/dev/vfio/vfio');
    return program.ioctl(group, uapi.GROUP_SET_CONTAINER, int(container ?? this.container));
  }

  async setIommu(): Promise<number> {
    return this.program.ioctl(this.container ?? -1, uapi.SET_IOMMU, uapi.EXTENSIONS.type1);
  }

  /** Opens a device by a name that may have options. Opened anew, it is all that its program has. */
  async openDevice(name: string): Promise<number> {
    const [bdf] = name.split(' ');
    const group = boundDevice(this.bus, this.#parent, bdf).group ?? -1;
    if (this.devices.has(bdf)) {
      await this.closeAll();
      await this.setContainer(await this.openGroup(group));
      await this.setIommu();
    }
    const argument = new TextEncoder().encode(`${name}\0`);
    const descriptor = await this.program.ioctl(this.groups.get(group) ?? -1, uapi.GROUP_GET_DEVICE_FD, argument);
    this.devices.set(bdf, descriptor);
    return descriptor;
  }

  async closeDevices(): Promise<void> {
    for (const device of this.devices.values()) await this.program.close(device);
    this.devices.clear();
  }

  async closeAll(): Promise<void> {
    await this.program.closeAll();
    this.devices.clear();
    this.groups.clear();
    this.container = undefined;
    this.unrelated = undefined;
  }

  /** The other process takes a group: what setting a container and its IOMMU give. */
  async openElsewhere(group: number): Promise<{ set_container: number; set_iommu: number }> {
    const descriptor = await this.#other.open(`/dev/vfio/${group}`);
    const container = await this.#other.open('/dev/vfio/vfio');
    return {
      set_container: await this.setContainer(descriptor, this.#other, container),
      set_iommu: await this.#other.ioctl(container, uapi.SET_IOMMU, uapi.EXTENSIONS.type1),
    };
  }

  /** Each function that a reset of its bus has reached counts it; a reset reaches all of one bus or slot. */
  async resets(): Promise<Resets> {
    let functions = 0;
    let buses = 0;
    for (const mdev of this.bound.values()) {
      const [, alone, together] = /function (\d+)\nbus (\d+)/.exec(await mdev.showAttribute('pci/resets')) ?? [];
      functions += Number(alone);
      buses = Math.max(buses, Number(together));
    }
    return { functions, buses };
  }

  async end(): Promise<void> {
    await this.program.closeAll();
    await this.#other.closeAll();
  }
}
