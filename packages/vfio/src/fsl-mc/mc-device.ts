/**
 * An object of the MC, or a container, under vfio (spec/vendors/platform-fsl B4, B5): its regions and interrupts, what a
 * last close does, its reset. On the object's thread; opened and closed under the mutex of its container's device set.
 */
import { MediatedError } from '@mediated/core';
import type { Clock } from '../clock.js';
import type { VfioDevice } from '../device.js';
import type { MapAccess, MappedMemory } from '../mapped-memory.js';
import { isPageAligned, locate, MmioRegion } from '../platform/mmio-region.js';
import { DEVICE_FLAGS } from '../uapi/device.js';
import { REGION_FLAGS } from '../uapi/region.js';
import { underMutex } from '../under-mutex.js';
import { CommandPortal } from './command-portal.js';
import { IrqPool } from './irq-pool.js';
import { McInterrupts } from './mc-interrupts.js';
import { type McRecords, PORTALS } from './mc-records.js';
import type { McNode, McRegionSpec } from './mc-spec.js';
import type { McModel, McModelFactory } from './model.js';

/** What an object is made of. */
export interface McDeviceParts {
  readonly device: VfioDevice;
  readonly node: McNode;
  readonly records: McRecords;
  readonly model: McModelFactory;
  readonly clock: Clock;
  /** What nobody can be told. */
  failed(callback: string, error: unknown): void;
}

export class McDevice {
  readonly node: McNode;
  readonly interrupts: McInterrupts;
  readonly #records: McRecords;
  readonly #failed: McDeviceParts['failed'];
  readonly #hardware: readonly MmioRegion[];
  readonly #portals: readonly CommandPortal[];
  readonly #model: McModel;
  #regions: readonly MmioRegion[] = [];

  constructor({ device, node, records, model, clock, failed }: McDeviceParts) {
    this.node = node;
    this.#records = records;
    this.#failed = failed;
    this.#hardware = node.regions.map((region, index) => regionOf(region, index, node.isContainer));
    this.interrupts = new McInterrupts(node.irqs, new IrqPool(records, node), () => device.set.mutex);
    const object = {
      name: node.name,
      device,
      memory: (index: number) => this.#hardwareRegion(index).memory,
      raise: (irq: number) => this.interrupts.raise(irq),
    };
    this.#model = model(object, node.modelOptions);
    this.#portals = this.#hardware.map((region) => new CommandPortal(region, this.#model, clock));
  }

  get name(): string {
    return this.node.name;
  }

  /** A container says that it can be reset; objects do not, and can be all the same. */
  get flags(): number {
    return DEVICE_FLAGS.fslMc | (this.node.isContainer ? DEVICE_FLAGS.reset : 0);
  }

  /** Regions of the present open; none while it is closed. */
  get regions(): readonly MmioRegion[] {
    return this.#regions;
  }

  /** First open. */
  open(): void {
    this.#regions = this.#hardware;
  }

  /** Last close: the object is reset, not its container, and before its interrupts go. */
  async close(): Promise<void> {
    this.#regions = [];
    await this.reset().catch((error: unknown) => this.#failed('reset', error));
    this.interrupts.close();
  }

  /** Resets the object, or the container without its objects. EINVAL: its container's portal is not set up. */
  async reset(): Promise<void> {
    const model = this.#model;
    const reset = () => {
      if (model.reset !== undefined) return model.reset();
      for (const region of this.#hardware) region.clear();
    };
    if (this.node.isContainer) return this.#command(reset);
    await this.#command(() => model.openObject?.());
    try {
      await this.#command(reset);
    } catch (error) {
      // The first error is the answer.
      await this.#command(() => model.closeObject?.()).catch(() => {});
      throw error;
    }
    await this.#command(() => model.closeObject?.());
  }

  read(position: number, into: Uint8Array): number {
    const { region, offset } = locate(this.#regions, position, 'read');
    return this.#portal(region).read(offset, into);
  }

  write(position: number, bytes: Uint8Array): number | Promise<number> {
    const { region, offset } = locate(this.#regions, position, 'write');
    region.assertHas(REGION_FLAGS.write, 'write');
    return this.#portal(region).write(offset, bytes);
  }

  map(position: number, length: number, access: Required<MapAccess>): MappedMemory {
    const { region, offset } = locate(this.#regions, position, 'mmap');
    const memory = region.map(offset, length, access);
    const { cacheable, shareable } = this.node.regions[region.index] as McRegionSpec;
    this.#model.mapped?.(region.index, cacheable && shareable ? 'write-back' : 'uncached');
    return memory;
  }

  /** The object is unbound. */
  release(): void {
    this.#model.release?.();
  }

  /** One command to the MC: those of all objects of a container go through its portal, one at a time. */
  async #command(step: () => void | Promise<void>): Promise<void> {
    await underMutex(this.#records.portalMutex(this.node), async () => {
      if (this.#records.portal(this.node) !== PORTALS.none) return step();
      throw new MediatedError('EINVAL', `the portal of the container of ${this.node.name} is not set up`);
    });
  }

  #portal(region: MmioRegion): CommandPortal {
    return this.#portals[region.index] as CommandPortal;
  }

  #hardwareRegion(index: number): MmioRegion {
    const region = this.#hardware[index];
    if (region !== undefined) return region;
    throw new MediatedError('EINVAL', `${this.node.name} has no region ${index}`);
  }
}

function regionOf(region: McRegionSpec, index: number, isContainer: boolean): MmioRegion {
  const { read, write, mmap } = REGION_FLAGS;
  const mappable = isPageAligned(region) && !isContainer;
  return new MmioRegion(index, region.size, read | (region.readOnly ? 0 : write) | (mappable ? mmap : 0));
}
