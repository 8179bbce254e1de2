/**
 * A driver whose probes fail when a test says so: at the beginning of `init`, and at registration, after
 * `init` has succeeded. Used by fixtures that are driver modules.
 */
import { type BudgetSpec, type DriverHost, MediatedError } from '@mediated/core';
import type { DeviceDriver, DeviceOperations } from '@mediated/vfio';

/** Words of `options.failures`: how many probes are still to fail at each step, on any thread. */
export const AT_INIT = 0;
export const AT_REGISTRATION = 1;

export interface FaultyOptions {
  readonly failures: Int32Array<SharedArrayBuffer>;
}

function maybeFail(host: DriverHost<Record<never, never>>, step: number): void {
  const { failures } = host.options as FaultyOptions;
  if (Atomics.sub(failures, step, 1) > 0) throw new MediatedError('ENOMEM', 'this probe is to fail');
  Atomics.add(failures, step, 1);
}

/** The driver with these failures. */
export function faulty<Shared extends Record<string, BudgetSpec>, Data>(
  driver: DeviceDriver<Shared, Data>,
): DeviceDriver<Shared, Data> {
  return {
    ...driver,
    configure: (options, threads) => ({ ...driver.configure?.(undefined, threads), options }),
    start(host) {
      const operations = driver.start(host) as DeviceOperations<Data>;
      return {
        ...operations,
        init(device) {
          maybeFail(host, AT_INIT);
          return operations.init?.(device) as Data;
        },
        deviceSet() {
          maybeFail(host, AT_REGISTRATION);
          return undefined;
        },
      };
    },
  };
}
