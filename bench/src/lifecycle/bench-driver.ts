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

/** Devices whose state lies in one piece of memory. */
const DEVICES_PER_PAGE = 256;

/** The driver's callbacks. The state of many devices lies in one page, as in a driver that counts its allocations. */
export function benchDriver({ stateBytes, workRounds }: BenchDriverOptions): MdevDriver {
  const pages: Uint8Array[] = [];
  return {
    probe({ index }) {
      if (stateBytes !== 0) {
        const page = (pages[Math.trunc(index / DEVICES_PER_PAGE)] ??= new Uint8Array(stateBytes * DEVICES_PER_PAGE));
        const start = (index % DEVICES_PER_PAGE) * stateBytes;
        page.fill(0, start, start + stateBytes);
      }
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
