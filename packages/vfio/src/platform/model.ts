/**
 * What an emulated platform or AMBA device does behind its registers: written by whoever makes a device, as a module whose
 * default export is `definePlatformModel(...)`. Called on the device's thread.
 */
import type { VfioDevice } from '../device.js';

type MaybePromise<T> = T | Promise<T>;

/** What a model may do with its device. */
export interface PlatformHardware {
  /** Bus name, or `vfio-amba-<periphid>`. */
  readonly name: string;
  /** The vfio device: what a program lets it reach by DMA is `device.dma`. */
  readonly device: VfioDevice;
  /** The memory of a region. ENOMEM. */
  memory(region: number): SharedArrayBuffer;
  /** An interrupt happens, once. */
  raise(irq: number): void;
  /** Sets a level-triggered line, which stays so: it interrupts again and again when it is not masked. */
  line(irq: number, asserted: boolean): void;
}

/** The callbacks of a model; all are optional. Throw a `MediatedError` to fail with its errno. */
export interface PlatformModel {
  /** A naturally aligned read of 1, 2 or 4 bytes of a resource of registers: fills `into`. */
  read?(region: number, offset: number, into: Uint8Array): MaybePromise<void>;
  /** A naturally aligned write of 1, 2 or 4 bytes of a resource of registers. */
  write?(region: number, offset: number, bytes: Uint8Array): MaybePromise<void>;
  /** ACPI's `_RST`. Absent: the memory is cleared. */
  reset?(): MaybePromise<void>;
  /** Power is switched on (first open) or off (last close, or an open that failed). */
  power?(on: boolean): MaybePromise<void>;
  /** A line is requested for vfio (first open); what is thrown answers SET_IRQS on it. */
  requestIrq?(irq: number): void;
  /** A line that was had is given back. */
  freeIrq?(irq: number): void;
  /** The device is unbound. */
  release?(): void;
}

/** Makes the model of a device; `options` are those of its description. */
export type PlatformModelFactory = (hardware: PlatformHardware, options: unknown) => PlatformModel;

/** Declares a model module; gives the factory its types. */
export function definePlatformModel(factory: PlatformModelFactory): PlatformModelFactory {
  return factory;
}
