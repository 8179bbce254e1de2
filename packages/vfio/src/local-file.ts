/**
 * An open device as its own thread has it: what is done with it is a call, and a promise only where its driver gives one. For
 * who serves a device there to somebody else; all others have `DeviceFile`.
 */
import type { ThreadBus } from '@mediated/core';
import type { DeviceFile } from './device-file.js';
import { VfioDriver } from './vfio-driver.js';

/** See {@link localFile}. */
export interface LocalFile {
  /** {@link DeviceFile.read}. Throws, or rejects, as that does. */
  read(position: number, length: number): Uint8Array | Promise<Uint8Array>;
  /** {@link DeviceFile.write}. Throws, or rejects, as that does. */
  write(position: number, bytes: Uint8Array): number | Promise<number>;
}

/** A file that thread number `owner`, the calling one, has opened of a device of its own; undefined: it is not its own. */
export function localFile(bus: ThreadBus, file: DeviceFile, owner: number): LocalFile | undefined {
  const mdev = bus.device(file.mdev.index, file.mdev.generation);
  if (mdev === undefined) return undefined;
  for (const { driver } of bus.drivers.values()) {
    if (!(driver instanceof VfioDriver) || driver.deviceOf(mdev) === undefined) continue;
    const { files } = driver;
    if (files === undefined) return undefined;
    const { id } = file;
    return {
      read: (position, length) => files.read(id, position, length, owner),
      write: (position, bytes) => files.write(id, position, bytes, owner),
    };
  }
  return undefined;
}
