/**
 * The driver behind the gate figures: a probe waits for a turn of the event loop, so that creates overlap, as they do
 * when a real driver waits for its hardware.
 */
import { setImmediate } from 'node:timers/promises';
import { defineMdevDriver } from '@mediated/core';

/** The directory name of the driver's only type. */
export const WAITING_TYPE = 'waiting-1';

export default defineMdevDriver({
  name: 'waiting',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: '1' }],
  maxInstances: 2 ** 20,
  start: () => ({
    async probe() {
      await setImmediate();
    },
    remove() {},
  }),
});
