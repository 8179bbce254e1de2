/**
 * Devices as the tree looks for them: also those that are leaving the bus but still have a directory, and by the numbers that
 * their framework gave them. Reads shared memory; asks nobody.
 */
import { type Bus, DEVICE_IDS, type Mdev } from '@mediated/core';

/** The bus of mediated devices. */
export const MDEV_BUS = 'mdev';

/** Every device that has a directory. */
export function* everyDevice(bus: Bus): Generator<Mdev> {
  const { top } = bus.memory.devices;
  for (let index = 0; index < top; index++) {
    const mdev = bus.deviceAt(index);
    if (mdev?.presence.directory) yield mdev;
  }
}

/** The devices whose framework gave them an IOMMU group, or whose group is `wanted`. */
export function* groupedDevices(bus: Bus, wanted?: number): Generator<readonly [group: number, mdev: Mdev]> {
  const { devices } = bus.memory;
  const { top, words } = devices;
  for (let index = 0; index < top; index++) {
    const number = Atomics.load(words, devices.base(index) + DEVICE_IDS);
    if (number === 0 || (wanted !== undefined && number !== wanted + 1)) continue;
    const mdev = bus.deviceAt(index);
    const group = mdev?.group;
    if (mdev !== undefined && group !== undefined && (wanted ?? group) === group) yield [group, mdev];
  }
}

/** Tells the lives of devices apart. */
export function lifeOf({ index, generation }: { readonly index: number; readonly generation: number }): string {
  return `${index}.${generation}`;
}

/** The directory of a device without the leading `/sys`. */
export function pathOf(mdev: Mdev): string {
  return `${mdev.parent.path}/${mdev.name}`;
}

/** A number as a directory is named after it; undefined for any other name. */
export function numberIn(name: string): number | undefined {
  return /^(0|[1-9]\d{0,8})$/.test(name) ? Number(name) : undefined;
}
