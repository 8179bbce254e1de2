/**
 * The driver behind the life-cycle figures: a device is a piece of state, and probing one may take work. Started by the
 * runtime on each of its threads, and by the peers' workers without a runtime.
 */
import { defineMdevDriver, type MdevDriver } from '@mediated/core';
import { work } from './work.js';

/** What `loadDriver` hands over. */
export interface BenchDriverOptions {
  /** Bytes of state per device; 0: none. */
  readonly stateBytes: number;
  /** Rounds of work that each probe does (`work.ts`). */
  readonly workRounds: number;
}

/** The directory name of the driver's only type. */
export const BENCH_TYPE = 'bench-1';

/** The driver's callbacks. */
export function benchDriver({ stateBytes, workRounds }: BenchDriverOptions): MdevDriver {
  return {
    probe(device) {
      if (stateBytes !== 0) device.driverData = new Uint8Array(stateBytes);
      if (workRounds !== 0) work(workRounds);
    },
    remove() {},
  };
}

export default defineMdevDriver({
  name: 'bench',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: '1' }],
  maxInstances: 2 ** 20,
  start: (host) => benchDriver(host.options as BenchDriverOptions),
});
