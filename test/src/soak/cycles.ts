/** Whole lives of devices, one after the other: what a soak repeats. Used by its main thread and by its clients. */
import type { Bus, Parent } from '@mediated/core';
import { openContainer, openDevice, openDeviceSync, openGroup } from '@mediated/vfio';
import { EXTENSIONS } from '@mediated/vfio/uapi';
import { SOAK_TYPE } from './soak-driver.js';

/** Every so many lives the device is opened, is opened as a virtual machine monitor does it, has its attribute used. */
const OPENED = 8;
const PROGRAM = 64;
const ATTRIBUTE = 16;
const BYTES = Uint8Array.of(1, 2, 3, 4);

/** Number `life` of a client's lives, awaiting. */
export async function live(bus: Bus, parent: Parent, life: number): Promise<void> {
  const mdev = await parent.create(SOAK_TYPE);
  if (life % PROGRAM === 0) {
    await using container = await openContainer(bus);
    await using group = await openGroup(bus, mdev);
    await group.setContainer(container);
    await container.setIommu(EXTENSIONS.type1v2);
    await container.map({ memory: new SharedArrayBuffer(4096), iova: 0n });
    await using file = await group.openDevice(mdev.uuid);
    await file.read(0, 4);
  } else if (life % OPENED === 0) {
    await using file = await openDevice(bus, mdev);
    await file.write(0, BYTES);
    await file.read(0, 4);
  }
  if (life % ATTRIBUTE === 0) {
    await mdev.storeAttribute('soak/text', 'words');
    await mdev.showAttribute('soak/text');
  }
  if (life % 2 === 0) await mdev.remove();
  else await mdev.storeRemove();
}

/** The same, blocking. */
export function liveSync(bus: Bus, parent: Parent, life: number): void {
  const mdev = parent.createSync(SOAK_TYPE);
  if (life % OPENED === 0) {
    const file = openDeviceSync(bus, mdev);
    file.writeSync(0, BYTES);
    file.readSync(0, 4);
    file.closeSync();
  }
  if (life % 2 === 0) mdev.removeSync();
  else mdev.storeRemoveSync();
}
