/** Failures of driver callbacks whose caller cannot be told go where the core's go: `mediated:driver:error`. */
import { channel } from 'node:diagnostics_channel';
import type { DriverErrorNotice } from '@mediated/core';
import type { VfioDevice } from './device.js';

const driverError = channel('mediated:driver:error');

/** Publishes an error of a driver's that no caller can be told; `callback` says where it happened. */
export function reportDriverError(device: VfioDevice, callback: string, error: unknown): void {
  const { uuid, type } = device;
  const notice: DriverErrorNotice = { uuid, parent: type.parent, type: type.sysfsName, callback, error };
  driverError.publish(notice);
}
