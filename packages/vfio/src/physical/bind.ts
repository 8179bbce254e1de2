/**
 * Binding physical devices to their vfio driver and unbinding them, by name, as writes to the driver's `bind` and
 * `unbind` files do. Any thread.
 */
import { type Bus, isMediatedError, type Mdev, MediatedError, type Parent } from '@mediated/core';
import { PHYSICAL_TYPE } from './define-physical-driver.js';
import { physicalUuid } from './identity.js';

/** Options of {@link bind}. */
export interface BindOptions {
  /** Place among the parent's threads of the one that is to have the device. Default: its name chooses. */
  readonly thread?: number;
}

/**
 * Binds a device, which leaves the host driver that it has. Rejects with ENODEV (the parent's driver knows no such
 * device), EBUSY (it is bound already), EINVAL (it has no IOMMU group and must have one, or what its driver refuses).
 */
export async function bind(parent: Parent, name: string, { thread }: BindOptions = {}): Promise<Mdev> {
  const uuid = physicalUuid(parent.bus, name);
  try {
    return await parent.create(`${parent.driver}-${PHYSICAL_TYPE}`, uuid, thread);
  } catch (error) {
    if (!isMediatedError(error, 'EEXIST')) throw error;
    throw new MediatedError('EBUSY', `${name} is bound already`, { syscall: 'bind', cause: error });
  }
}

/** Unbinds a device and waits while it is in use. ENODEV: it is not bound to the parent's driver. */
export async function unbind(bus: Bus, parent: Parent, name: string): Promise<void> {
  await boundDevice(bus, parent, name).remove();
}

/** The bound device of a name. ENODEV: it is not bound. */
export function boundDevice(bus: Bus, parent: Parent, name: string): Mdev {
  const mdev = bus.mdev(physicalUuid(parent.bus, name));
  if (mdev?.parent.index === parent.index && mdev.presence.bus) return mdev;
  throw new MediatedError('ENODEV', `${name} is not bound to ${parent.driver}`, { syscall: 'unbind' });
}
