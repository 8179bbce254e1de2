/**
 * Guest memory that no thread of this process can map, for a device of the calling thread. Called by who serves the device to
 * a machine of another process, on the device's thread.
 */
import type { ThreadBus } from '@mediated/core';
import type { RemoteMemory } from './iommu/device-access.js';
import { VfioDriver } from './vfio-driver.js';

/** What `device.dma` reads and writes by request from now on; undefined: nothing. A device that is gone is none. */
export function setRemoteMemory(
  bus: ThreadBus,
  index: number,
  generation: number,
  memory: RemoteMemory | undefined,
): void {
  const mdev = bus.device(index, generation);
  if (mdev === undefined) return;
  for (const { driver } of bus.drivers.values()) {
    const device = driver instanceof VfioDriver ? driver.deviceOf(mdev) : undefined;
    if (device !== undefined) device.access.remote = memory;
  }
}
