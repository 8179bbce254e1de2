/**
 * How a vendor driver is written: one module whose default export is `defineDriver({ ... })`. Called at import, by the
 * supervising thread and by each of the driver's threads; turns the vendor's callbacks into an mdev driver.
 * Guide: docs/writing-a-driver.md. Spec: vfio-core sections 2 to 6, vendors/common.
 */
import {
  type BudgetSpec,
  type DriverConfiguration,
  type DriverHost,
  type DriverModule,
  isThenable,
  type PerParent,
  type TypeSpec,
} from '@mediated/core';
import type { DeviceOperations } from './operations.js';
import { supervise, type VfioShared } from './supervise.js';
import { VfioDriver } from './vfio-driver.js';

/** What a vendor driver declares. */
export interface DeviceDriver<Shared extends Record<string, BudgetSpec>, Data> {
  /** Name on the bus, up to 20 bytes. */
  readonly name: string;
  /** Text of `device_api`: `vfio-pci`, `vfio-platform`, `vfio-amba`, `vfio-ccw`, `vfio-ap`. */
  readonly deviceApi: string;
  readonly types: readonly TypeSpec[];
  /** Parent-wide limit on live devices when there is no `getAvailable`. Default 0: every create is EUSERS. */
  readonly maxInstances?: number;
  /** Budgets that all threads of the driver share, e.g. `{ ports: { budget: 24 } }`. */
  readonly shared?: Shared;
  /** What each parent has of its own: `device.type.parentDevice.budgets` and `.memory`. */
  readonly perParent?: PerParent;
  /**
   * Makes name, types, parents and so on of the options of `loadDriver`, in place of what is declared here. Runs once per
   * load, on the supervising thread, before the driver's `threads` threads start; all of them get what it returned.
   */
  configure?(options: unknown, threads: number): DriverConfiguration | Promise<DriverConfiguration>;
  /** Runs once on each of the driver's threads. */
  start(host: DriverHost<Shared>): DeviceOperations<Data> | Promise<DeviceOperations<Data>>;
}

/** Makes a driver module of a vendor's callbacks; export it as the module's default. */
export function defineDriver<const Shared extends Record<string, BudgetSpec>, Data>(
  driver: DeviceDriver<Shared, Data>,
): DriverModule<Shared> {
  const { name, deviceApi, types, maxInstances, shared, perParent } = driver;
  return {
    name,
    deviceApi,
    types,
    ...(maxInstances === undefined ? {} : { maxInstances }),
    ...(shared === undefined ? {} : { shared }),
    ...(perParent === undefined ? {} : { perParent }),
    ...(driver.configure === undefined ? {} : { configure: driver.configure.bind(driver) }),
    supervise,
    start(host) {
      const open = (operations: DeviceOperations<Data>) =>
        new VfioDriver(host.name, host.bus.memory, host.pins, host.supervised as VfioShared, operations);
      const started = driver.start(host);
      return isThenable(started) ? (started as Promise<DeviceOperations<Data>>).then(open) : open(started);
    },
  };
}
