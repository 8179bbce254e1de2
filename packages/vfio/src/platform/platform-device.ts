/**
 * A platform or AMBA device under vfio (spec/vendors/platform-fsl A3 to A5): what a first open takes and a last close gives
 * back, its regions, its resets. On the device's thread, under the mutex of its own set while it is opened or closed.
 */
import { driverFailure, type ErrnoName, MediatedError } from '@mediated/core';
import type { VfioDevice } from '../device.js';
import type { MapAccess, MappedMemory } from '../mapped-memory.js';
import { DEVICE_FLAGS } from '../uapi/device.js';
import { REGION_FLAGS } from '../uapi/region.js';
import { irqsOf, nameOf, type PlatformDeviceSpec, type ResourceSpec } from './device-spec.js';
import { isPageAligned, locate, MmioRegion } from './mmio-region.js';
import type { PlatformHardware, PlatformModel, PlatformModelFactory } from './model.js';
import { PlatformInterrupts } from './platform-interrupts.js';
import { PlatformLine } from './platform-line.js';
import { readRegion, writeRegion } from './register-access.js';
import type { ResetTarget } from './reset-module.js';
import type { HeldReset } from './reset-registry.js';

/** What a device is made of. */
export interface PlatformDeviceParts {
  readonly device: VfioDevice;
  readonly spec: PlatformDeviceSpec;
  /** A failing reset fails an open. */
  readonly resetRequired: boolean;
  /** What the registry has for it; ACPI's method is in `spec`. */
  readonly reset: HeldReset | undefined;
  readonly model: PlatformModelFactory;
  /** What nobody can be told. */
  failed(callback: string, error: unknown): void;
}

export class PlatformDevice {
  readonly name: string;
  readonly spec: PlatformDeviceSpec;
  readonly resetRequired: boolean;
  readonly model: PlatformModel;
  /** Whoever has its power on: 1 while it is open. */
  powerCount = 0;
  readonly #hardware: readonly MmioRegion[];
  readonly #held: HeldReset | undefined;
  readonly #failed: PlatformDeviceParts['failed'];
  #regions: readonly MmioRegion[] = [];
  #interrupts: PlatformInterrupts;

  constructor({ device, spec, resetRequired, reset, model, failed }: PlatformDeviceParts) {
    this.name = nameOf(spec);
    this.spec = spec;
    this.resetRequired = resetRequired;
    this.#held = reset;
    this.#failed = failed;
    this.#hardware = (spec.resources ?? []).map(regionOf);
    this.#interrupts = noInterrupts();
    const hardware: PlatformHardware = {
      name: this.name,
      device,
      memory: (region) => this.#hardwareRegion(region).memory,
      raise: (irq) => this.#line(irq)?.fire(),
      line: (irq, asserted) => this.#line(irq)?.assert(asserted),
    };
    this.model = model(hardware, spec.modelOptions);
  }

  /** Regions of the present open; none while it is closed. */
  get regions(): readonly MmioRegion[] {
    return this.#regions;
  }

  /** Interrupts of the present open; none while it is closed. */
  get interrupts(): PlatformInterrupts {
    return this.#interrupts;
  }

  /** That a reset exists is said of it; it may fail all the same. */
  get flags(): number {
    const { kind, acpi } = this.spec;
    const hasReset = acpi === undefined ? this.#held !== undefined : acpi.reset !== undefined;
    const own = kind === 'amba' ? DEVICE_FLAGS.amba : DEVICE_FLAGS.platform;
    return own | (hasReset ? DEVICE_FLAGS.reset : 0);
  }

  /** First open. EINVAL: a resource of an unknown kind. What power answers; what a required reset answers. */
  async open(): Promise<void> {
    this.#takeRegions();
    this.#requestIrqs();
    try {
      await this.#power(true);
      await this.reset().catch((error: unknown) => {
        if (this.resetRequired) throw error;
      });
    } catch (error) {
      await this.#powerOff();
      await this.#freeIrqs();
      this.#regions = [];
      throw error;
    }
  }

  /** Last close. The reset comes first, while interrupts are still requested. */
  async close(): Promise<void> {
    await this.reset().catch((error: unknown) => {
      if (this.resetRequired) process.emitWarning(`${this.name} was not reset at its last close, though it must be`);
      this.#failed('reset', error);
    });
    await this.#powerOff();
    this.#regions = [];
    await this.#freeIrqs();
  }

  /** The device's own reset. EINVAL: it has none. */
  async reset(): Promise<void> {
    const { acpi, compat = '' } = this.spec;
    if (acpi === undefined && this.#held !== undefined) return this.#held.reset(this.#target(compat));
    if (acpi?.reset === undefined) {
      throw new MediatedError('EINVAL', `${this.name} cannot be reset`, { syscall: 'reset' });
    }
    if (acpi.reset !== 'works') throw fails(acpi.reset, `_RST of ${this.name}`);
    if (this.model.reset !== undefined) return this.model.reset();
    for (const region of this.#hardware) region.clear();
  }

  read(position: number, into: Uint8Array): number | Promise<number> {
    const { region, offset } = locate(this.#regions, position, 'read');
    region.assertHas(REGION_FLAGS.read, 'read');
    return readRegion(this.model, this.#accessed(region), offset, into);
  }

  write(position: number, bytes: Uint8Array): number | Promise<number> {
    const { region, offset } = locate(this.#regions, position, 'write');
    region.assertHas(REGION_FLAGS.write, 'write');
    return writeRegion(this.model, this.#accessed(region), offset, bytes);
  }

  map(position: number, length: number, access: Required<MapAccess>): MappedMemory {
    const { region, offset } = locate(this.#regions, position, 'mmap');
    return region.map(offset, length, access);
  }

  /** The device is unbound. */
  release(): void {
    this.#held?.release();
    this.model.release?.();
  }

  #takeRegions(): void {
    const unknown = (this.spec.resources ?? []).findIndex(({ kind }) => kind === 'other');
    if (unknown >= 0) {
      throw new MediatedError('EINVAL', `resource ${unknown} of ${this.name} is neither memory nor I/O`, {
        syscall: 'open',
      });
    }
    this.#regions = this.#hardware;
  }

  #requestIrqs(): void {
    const lines = irqsOf(this.spec).map(({ level = false, requestError }, irq) => {
      try {
        if (requestError !== undefined) throw fails(requestError, `irq ${irq} of ${this.name}`);
        this.model.requestIrq?.(irq);
        return new PlatformLine(level, undefined);
      } catch (error) {
        return new PlatformLine(level, driverFailure(this.name, 'requestIrq', error));
      }
    });
    this.#interrupts = new PlatformInterrupts(lines, (error) => this.#failed('interrupt', error));
  }

  async #freeIrqs(): Promise<void> {
    for (const [irq, line] of this.#interrupts.lines.entries()) {
      await line.free();
      if (line.error === undefined) this.model.freeIrq?.(irq);
    }
    this.#interrupts = noInterrupts();
  }

  async #power(on: boolean): Promise<void> {
    this.powerCount += on ? 1 : -1;
    if (on && this.spec.powerError !== undefined) throw fails(this.spec.powerError, `power of ${this.name}`);
    await this.model.power?.(on);
  }

  async #powerOff(): Promise<void> {
    await this.#power(false).catch((error: unknown) => this.#failed('power', error));
  }

  #target(compat: string): ResetTarget {
    const { name } = this;
    const access = (region: number) => this.#accessed(this.#hardwareRegion(region));
    return {
      name,
      compat,
      read32: async (region, offset) => {
        const bytes = new Uint8Array(4);
        await readRegion(this.model, access(region), offset, bytes);
        return new DataView(bytes.buffer).getUint32(0, true);
      },
      write32: async (region, offset, value) => {
        const bytes = new Uint8Array(4);
        new DataView(bytes.buffer).setUint32(0, value, true);
        await writeRegion(this.model, access(region), offset, bytes);
      },
    };
  }

  #accessed(region: MmioRegion) {
    return { region, registers: this.spec.resources?.[region.index]?.registers === true };
  }

  #hardwareRegion(index: number): MmioRegion {
    const region = this.#hardware[index];
    if (region !== undefined) return region;
    throw new MediatedError('EINVAL', `${this.name} has no region ${index}`);
  }

  /** A line of the present open. A device that is closed has none: its interrupts get lost. */
  #line(irq: number): PlatformLine | undefined {
    return this.#interrupts.lines[irq];
  }
}

function regionOf(resource: ResourceSpec, index: number): MmioRegion {
  const { kind = 'memory', size, readOnly, registers } = resource;
  const { read, write, mmap } = REGION_FLAGS;
  if (kind !== 'memory') return new MmioRegion(index, size, 0);
  const mappable = isPageAligned(resource) && registers !== true;
  return new MmioRegion(index, size, read | (readOnly ? 0 : write) | (mappable ? mmap : 0));
}

/** Of a device that is closed. */
function noInterrupts(): PlatformInterrupts {
  return new PlatformInterrupts([], () => {});
}

function fails(code: ErrnoName, what: string): MediatedError {
  return new MediatedError(code, `${what} fails`);
}
