/**
 * The driver behind the gate figures: a probe takes one to sixteen milliseconds in which the thread is free, as one that
 * waits for its hardware does. So creates overlap without end. A probe that takes no time would hold the gate for one
 * plain call of its thread only: nobody would be inside when the next looks, and a gate that admits newcomers would
 * close as soon as any other.
 */
import { setTimeout } from 'node:timers/promises';
import { defineMdevDriver } from '@mediated/core';

/** Milliseconds of the longest probe; long against creating, so that most creates of a client are in a probe. */
const LONGEST_PROBE = 16;
/**
 * From one probe's length to the next, round the lengths. Odd, so that all lengths come up and creates that began
 * together do not end together: probes of one length would end in one turn of the event loop and leave the gate empty.
 */
const STRIDE = 7;

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
        await setTimeout(1 + ((STRIDE * probes++) % LONGEST_PROBE));
      },
      remove() {},
    };
  },
});
