/**
 * Platform and AMBA devices of a board as data: options of the drivers `vfio-platform` and `vfio-amba`, each of which
 * takes the devices of its kind (spec/vendors/platform-fsl A1). Written by whoever loads them; checked on the supervising
 * thread and read on each of the drivers' threads. Structured-cloneable, immutable.
 */
import { ERRNO, type ErrnoName, MediatedError } from '@mediated/core';
import type { PhysicalDevice } from '../physical/description.js';
import { checkRange, type PhysicalRange } from './mmio-region.js';
import type { ResetRegistryHandle } from './reset-registry.js';

export type PlatformKind = 'platform' | 'amba';

/** A resource: a region of the device. */
export interface ResourceSpec extends PhysicalRange {
  /** `memory`, the default; `io` is shown but cannot be accessed; a device with any `other` cannot be opened. */
  readonly kind?: 'memory' | 'io' | 'other';
  readonly readOnly?: boolean;
  /** Accesses reach the model, register by register, and it cannot be mapped; else it is plain shared memory. */
  readonly registers?: boolean;
}

/** An interrupt line. */
export interface IrqSpec {
  /** Number of the line on the host. Of AMBA devices 0 stands for none, and ends the list. */
  readonly number: number;
  /** Level-triggered: it is masked with each signal. Default: edge-triggered. */
  readonly level?: boolean;
  /** The line cannot be had: what SET_IRQS on it answers. */
  readonly requestError?: ErrnoName;
}

/** What ACPI tables say of a device. */
export interface AcpiSpec {
  readonly id: string;
  /** It has the method `_RST`: how it ends. Absent: it has none. */
  readonly reset?: 'works' | ErrnoName;
}

/** A device. */
export interface PlatformDeviceSpec extends PhysicalDevice {
  /** Default `platform`. */
  readonly kind?: PlatformKind;
  /** What the device tree calls it; it finds the function that resets it. */
  readonly compat?: string;
  /** Its companion in the ACPI tables, which is preferred to the device tree. */
  readonly acpi?: AcpiSpec;
  /** AMBA: the number by which the device identifies itself. */
  readonly periphid?: number;
  readonly resources?: readonly ResourceSpec[];
  readonly irqs?: readonly IrqSpec[];
  /** How switching its power on fails. */
  readonly powerError?: ErrnoName;
  /** Module with its model, and what the model is made with. Default: its memory is memory and nothing more. */
  readonly model?: string;
  readonly modelOptions?: unknown;
}

/** Options of both drivers. */
export interface PlatformOptions {
  readonly devices: readonly PlatformDeviceSpec[];
  /** A platform device that cannot be reset is not bound, and not opened when its reset fails. Default true. */
  readonly resetRequired?: boolean;
  /** `ResetRegistry.handle`: the reset functions that others register, too. Default: a registry of the driver's own. */
  readonly resets?: ResetRegistryHandle;
  /** Modules that are loaded when a reset function is asked for and none is registered: URLs by compatible string. */
  readonly resetModules?: Readonly<Record<string, string>>;
  /** Devices without an IOMMU group may be used by those who may do anything (no-IOMMU mode). */
  readonly noIommu?: boolean;
}

/** The devices of a kind that the options describe. EINVAL says which one makes no sense and why. */
export function devicesOf(kind: PlatformKind, options: unknown): readonly PlatformDeviceSpec[] {
  const { devices } = (options ?? {}) as Partial<PlatformOptions>;
  if (!Array.isArray(devices)) throw refused('the options have no list of devices');
  for (const device of devices as readonly PlatformDeviceSpec[]) check(device);
  return (devices as readonly PlatformDeviceSpec[]).filter((device) => (device.kind ?? 'platform') === kind);
}

/** The lines of a device that are there. */
export function irqsOf({ kind, irqs = [] }: PlatformDeviceSpec): readonly IrqSpec[] {
  const absent = kind === 'amba' ? irqs.findIndex(({ number }) => number === 0) : -1;
  return absent < 0 ? irqs : irqs.slice(0, absent);
}

/** What a device is called in messages. */
export function nameOf({ kind, name, periphid = 0 }: PlatformDeviceSpec): string {
  return kind === 'amba' ? `vfio-amba-${periphid.toString(16).padStart(8, '0')}` : name;
}

function check(device: PlatformDeviceSpec): void {
  const { name, kind = 'platform', periphid = 0, resources = [], irqs = [], acpi, powerError } = device;
  if (kind !== 'platform' && kind !== 'amba') throw refused(`${name} is of kind ${String(kind)}: platform or amba`);
  if (!Number.isInteger(periphid) || periphid < 0 || periphid > 0xffffffff) {
    throw refused(`the periphid of ${name} is ${periphid}; it has 32 bits`);
  }
  if (kind === 'amba' && resources.length > 1) throw refused(`${name} is an AMBA device: it has at most one resource`);
  for (const [index, resource] of resources.entries()) {
    if (!['memory', 'io', 'other'].includes(resource.kind ?? 'memory')) {
      throw refused(`resource ${index} of ${name} is of kind ${String(resource.kind)}: memory, io or other`);
    }
    checkRange(resource, `resource ${index} of ${name}`);
  }
  for (const [index, { number, requestError }] of irqs.entries()) {
    if (!Number.isInteger(number) || number < 0) throw refused(`irq ${index} of ${name} is number ${number}`);
    checkErrno(requestError, `irq ${index} of ${name}`);
  }
  if (acpi !== undefined && acpi.reset !== 'works') checkErrno(acpi.reset, `the ACPI reset of ${name}`);
  checkErrno(powerError, `the power of ${name}`);
}

function checkErrno(code: string | undefined, what: string): void {
  if (code !== undefined && !(code in ERRNO)) throw refused(`${what} fails with ${code}, which is no errno`);
}

function refused(reason: string): MediatedError {
  return new MediatedError('EINVAL', `platform devices: ${reason}`, { syscall: 'loadDriver' });
}
