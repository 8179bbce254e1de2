/**
 * What is said of devices that are not mediated: PCI functions, platform devices, fsl-mc objects. Written by whoever
 * loads such a driver, as its options; checked on the supervising thread and read on each of the driver's threads.
 * Immutable.
 */
import { MediatedError } from '@mediated/core';

/** A device that a driver may be bound to. */
export interface PhysicalDevice {
  /** Its name on its bus, e.g. `0000:01:00.0`; its vfio name as well. */
  readonly name: string;
  /** Its path below the parent, when it does not stand right below it. Ends with its name. */
  readonly path?: string | undefined;
  /** Number of its IOMMU group, which other devices may be in too; undefined: it has no IOMMU. */
  readonly group?: number | undefined;
  /** The ordinary driver that has it until it is bound. */
  readonly host?: HostDriver | undefined;
}

/** An ordinary driver of a host. */
export interface HostDriver {
  readonly name: string;
  /** Whether it lets the kernel do DMA with its device, so that the device's group is not viable. Default true. */
  readonly kernelDma?: boolean | undefined;
}

/** Throws EINVAL with the place and the reason when descriptions do not fit together. */
export function checkDevices(driver: string, devices: readonly PhysicalDevice[]): void {
  const names = new Set<string>();
  for (const { name, group, host } of devices) {
    if (!/^[\w.:-]{1,40}$/.test(name)) {
      throw refused(driver, `${JSON.stringify(name)} is no name of a device: 1 to 40 letters, digits, . : - _`);
    }
    if (names.has(name)) throw refused(driver, `there are two devices named ${name}`);
    names.add(name);
    if (group !== undefined && !(Number.isInteger(group) && group >= 0 && group < 2 ** 20)) {
      throw refused(driver, `the group of ${name} is ${group}; it is a number from 0 to ${2 ** 20 - 1}`);
    }
    if (host !== undefined && (typeof host.name !== 'string' || host.name === '')) {
      throw refused(driver, `the host driver of ${name} has no name`);
    }
  }
}

function refused(driver: string, reason: string): MediatedError {
  return new MediatedError('EINVAL', `devices of ${driver}: ${reason}`, { syscall: 'loadDriver' });
}
