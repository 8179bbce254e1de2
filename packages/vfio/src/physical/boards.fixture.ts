/** A driver of boards for tests: physical devices that have one byte, and a command that ends their thread. */
import { MediatedError } from '@mediated/core';
import { definePhysicalDriver, type PhysicalDevice } from '@mediated/vfio/physical';

export const DIE = 1;
/** Answers how many kernel DMA users the group in the argument's first byte has. */
export const KERNEL_DMA_USERS = 2;
/** Answers the reference count of what the driver shares: devices that were reclaimed. */
export const RECLAIMED = 3;

export interface BoardOptions {
  readonly boards: readonly PhysicalDevice[];
  readonly noIommu?: boolean;
}

export default definePhysicalDriver({
  name: 'vfio-board',
  deviceApi: 'vfio-platform',
  bus: 'board',
  describe: (options) => (options as BoardOptions).boards,
  noIommu: (options) => (options as BoardOptions).noIommu === true,
  share(_memory, devices) {
    const own = new Int32Array(new SharedArrayBuffer(4 * devices.length));
    return { own, reclaim: (place) => void Atomics.add(own, place, 1) };
  },
  start({ physical, own }) {
    return {
      init(_device, { name }, place) {
        if (name === 'refused') throw new MediatedError('EIO', 'no answer from the board');
        return Uint8Array.of(place);
      },
      read({ data }, _position, into) {
        into.set(data);
        return 1;
      },
      ioctl({ data }, command, argument) {
        if (command === DIE) process.exit(3);
        return command === RECLAIMED ? own[data[0]] : physical.kernelDmaUsers(argument[0]);
      },
    };
  },
});
