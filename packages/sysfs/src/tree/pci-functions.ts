/**
 * PCI functions that the tree shows: those that were described when it was mounted, parents of mediated devices whose path
 * is that of a PCI function, and functions that a vfio driver has. What is written about them (`driver_override`, which host
 * driver has them) is kept here, on the thread that serves the mount.
 */
import type { Bus, Mdev, Parent } from '@mediated/core';
import { everyDevice, MDEV_BUS, pathOf } from './every-device.js';

/** What is said of a PCI function. Structured-cloneable. */
export interface PciFunctionDescription {
  /** Address: domain, bus, device and function in hexadecimal, e.g. `0000:00:02.0`. */
  readonly name: string;
  /** Path without the leading `/sys`. Default: below the root bus of its domain. */
  readonly path?: string;
  readonly vendor: number;
  readonly device: number;
  readonly subsystemVendor?: number;
  readonly subsystemDevice?: number;
  /** Class, subclass and interface in 24 bits. Default 0xff0000: none that is defined. */
  readonly class?: number;
  readonly revision?: number;
  /** Number of its interrupt line; default 0: none. */
  readonly irq?: number;
  /** Memory and port ranges by index, with the flags that the kernel shows. */
  readonly resources?: readonly { readonly start: bigint; readonly end: bigint; readonly flags: bigint }[];
  /** The host driver that has it. Default: that of the parent, if it is one. */
  readonly driver?: string;
  readonly iommuGroup?: number;
  /** The UUID under which a vfio driver binds it (`physicalUuid('pci', name)`); without one it cannot be bound to such a driver. */
  readonly uuid?: string;
}

export interface PciFunction {
  readonly description: PciFunctionDescription;
  readonly path: string;
  /** The parent of mediated devices that it is. */
  readonly parent: Parent | undefined;
}

/** What was written about a function. */
export interface PciState {
  override: string | undefined;
  /** The host driver was unbound. */
  released: boolean;
}

const ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;

export class PciFunctions {
  readonly #bus: Bus;
  readonly #described: readonly PciFunctionDescription[];
  readonly #states = new Map<string, PciState>();

  constructor(bus: Bus, described: readonly PciFunctionDescription[]) {
    this.#bus = bus;
    this.#described = described;
  }

  /** Every function, at present. */
  all(): PciFunction[] {
    const parents = this.#bus.parents();
    const found = new Map<string, PciFunction>();
    for (const description of this.#described) {
      const { name } = description;
      const parent = parents.find((candidate) => candidate.bus === MDEV_BUS && nameOf(candidate.path) === name);
      const path = parent?.path ?? description.path ?? `/devices/pci${name.slice(0, -8)}:00/${name}`;
      found.set(name, { description, path, parent });
    }
    for (const parent of parents) {
      const name = nameOf(parent.path);
      if (parent.bus !== MDEV_BUS || found.has(name) || !ADDRESS.test(name)) continue;
      found.set(name, { description: unknownFunction(name), path: parent.path, parent });
    }
    if (parents.some((parent) => parent.bus === 'pci')) {
      for (const mdev of everyDevice(this.#bus)) {
        if (mdev.parent.bus !== 'pci' || found.has(mdev.name)) continue;
        found.set(mdev.name, { description: unknownFunction(mdev.name), path: pathOf(mdev), parent: undefined });
      }
    }
    return [...found.values()];
  }

  /** The vfio device that a function is, while a vfio driver has it. */
  bound({ description: { name } }: PciFunction): Mdev | undefined {
    if (!this.#bus.parents().some((parent) => parent.bus === 'pci')) return undefined;
    for (const mdev of everyDevice(this.#bus)) {
      if (mdev.parent.bus === 'pci' && mdev.name === name && mdev.presence.bus) return mdev;
    }
    return undefined;
  }

  /** Name of the driver that has a function. */
  driverOf(pci: PciFunction): string | undefined {
    const bound = this.bound(pci);
    if (bound !== undefined) return bound.parent.driver;
    if (this.state(pci).released) return undefined;
    return pci.description.driver ?? pci.parent?.driver;
  }

  state({ description: { name } }: PciFunction): PciState {
    let state = this.#states.get(name);
    if (state === undefined) this.#states.set(name, (state = { override: undefined, released: false }));
    return state;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Of a function nothing is known but where it is. */
function unknownFunction(name: string): PciFunctionDescription {
  return { name, vendor: 0x1b36, device: 0x0005 };
}
