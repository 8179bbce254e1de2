/**
 * The driver behind the gate figures: a probe takes one to sixteen milliseconds in which the thread is free, as one that
 * waits for its hardware does. So creates overlap without end.
 */
import { setTimeout } from 'node:timers/promises';
import { defineMdevDriver } from '@mediated/core';

/** The directory name of the driver's only type. */
export const WAITING_TYPE = 'waiting-1';

export default defineMdevDriver({
  name: 'waiting',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: '1' }],
  maxInstances: 2 ** 20,
  start() {
    let probes = 0;
    return {
      async probe() {
        await setTimeout(1 + ((7 * probes++) % 16));
      },
      remove() {},
    };
  },
});
