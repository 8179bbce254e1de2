/**
 * What a driver does to be migrated (spec/vfio-core section 12). Written by vendors as `DeviceOperations.migration`, most
 * simply with a `MigrationMachine` per device; called by the core on the device's thread.
 */
import type { AnonymousFile } from '../anonymous-file.js';
import type { VfioDevice } from '../device.js';

/** Migration of the devices of a driver. Throw a `MediatedError` to fail. */
export interface MigrationOperations<Data> {
  /** `MIGRATION_FLAGS`; `stopCopy` is among them. */
  readonly flags: number;
  /**
   * The program wants the device in a state. The number is as it came: whether it is one, and how to get there, is for
   * the driver to find (`nextHop`). Returns the data file if the last step opens one. When it throws, the device may be
   * in any state on the way.
   */
  setState(device: VfioDevice<Data>, state: number): AnonymousFile | undefined | Promise<AnonymousFile | undefined>;
  /** The state that it is in: one of `MIGRATION_STATES`. */
  getState(device: VfioDevice<Data>): number | Promise<number>;
  /** Estimate of the bytes that stop-and-copy will have to move. */
  dataSize(device: VfioDevice<Data>): number | bigint | Promise<number | bigint>;
}
