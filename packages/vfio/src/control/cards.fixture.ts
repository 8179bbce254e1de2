/**
 * A driver of physical cards for tests: they reach guest memory as hardware does, and answer to their names, to `any` and
 * to `refused`. Loaded with the cards as options.
 */
import { definePhysicalDriver, type PhysicalDevice } from '@mediated/vfio/physical';

export interface CardOptions {
  readonly cards: readonly PhysicalDevice[];
  readonly noIommu?: boolean;
}

/** Commands: the argument is an iova (u64) and bytes that are filled in; the place of the card. */
export const DMA_READ = 1;
export const PLACE = 2;
export const DIE = 3;

export default definePhysicalDriver({
  name: 'vfio-card',
  deviceApi: 'vfio-platform',
  bus: 'card',
  describe: (options) => (options as CardOptions).cards,
  noIommu: (options) => (options as CardOptions).noIommu === true,
  start() {
    return {
      init(_device, _card, place) {
        return { place };
      },
      match({ name }, asked) {
        if (asked === 'refused') return -13;
        return asked === 'any' || asked === name ? 1 : 0;
      },
      ioctl(device, command, argument) {
        switch (command) {
          case DMA_READ:
            device.dma.read(
              new DataView(argument.buffer, argument.byteOffset).getBigUint64(0, true),
              argument.subarray(8),
            );
            return;
          case PLACE:
            return device.data.place;
          default:
            return process.exit(3);
        }
      },
    };
  },
});
