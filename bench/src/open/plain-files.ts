/**
 * Opening and closing devices as plain calls on the calling thread: the code that the device files' actor runs, first
 * open and last close under the set's mutex included. Called by the part itself and by the peers' workers.
 *
 * The vfio package does not export this room, for nobody else should have it; hence the paths into its build.
 */
import { parseUuid } from '@mediated/core/memory';
import { DeviceFiles } from '../../../packages/vfio/dist/device-files.js';
import { VfioDriver } from '../../../packages/vfio/dist/vfio-driver.js';
import { answered, placeOf, plainShard } from '../harness/plain-shard.js';
import openModule from './open-driver.js';

/** Opens and closes devices of one parent. */
export interface PlainFiles {
  /** Creates a device; returns its handle. Throws when that is refused. */
  create(uuid: string): number;
  /** Opens a device; returns the file's number. Throws when that is refused. */
  open(handle: number): number;
  /** Closes a file. Throws when that is refused. */
  close(file: number): void;
}

/** The only client. */
const CLIENT = 0;

/** A parent of the open driver and its device files, on this thread alone. */
export function plainFiles(): PlainFiles {
  const { bus, driver, shard } = plainShard(openModule, undefined);
  if (!(driver instanceof VfioDriver)) throw new Error('the open driver is none of this copy of @mediated/vfio');
  const files = new DeviceFiles(bus, driver, 0);
  const words = new Int32Array(4);
  return {
    create(uuid) {
      if (!parseUuid(uuid, words, 0)) throw new Error(`${uuid} is no UUID`);
      return answered(shard.create(0, words[0], words[1], words[2], words[3]));
    },
    open(handle) {
      const { index, generation } = placeOf(handle);
      return answered(files.open(index, generation, CLIENT));
    },
    close(file) {
      answered(files.close(file, CLIENT));
    },
  };
}
