/**
 * VFIO_DEVICE_FEATURE: the features of the core, and the way to those of a driver (spec/vfio-core section 11). Called on
 * the device's thread, before the driver's own `ioctl` and instead of it.
 */
import { MediatedError } from '@mediated/core';
import type { VfioDevice } from '../device.js';
import { serveLoggingReport, serveLoggingStart, serveLoggingStop } from '../logging/serve-logging.js';
import { serveDataSize, serveDeviceState, serveMigration } from '../migration/serve-migration.js';
import type { DeviceOperations, IoctlCall } from '../operations.js';
import { FEATURES } from '../uapi/feature.js';
import { FeatureRequest } from './feature-request.js';

/** A feature of the core. The result, maybe a negative errno whose argument goes back all the same, or nothing: 0. */
type Serve = (
  operations: DeviceOperations<unknown>,
  device: VfioDevice,
  request: FeatureRequest,
  // biome-ignore lint/suspicious/noConfusingVoidType: most give no result.
) => number | void | Promise<number | void>;

const CORE = new Map<number, Serve>([
  [FEATURES.migration, serveMigration],
  [FEATURES.migDeviceState, serveDeviceState],
  [FEATURES.migDataSize, serveDataSize],
  [FEATURES.dmaLoggingStart, serveLoggingStart],
  [FEATURES.dmaLoggingStop, serveLoggingStop],
  [FEATURES.dmaLoggingReport, serveLoggingReport],
]);

/** Errors: EFAULT, EINVAL, ENOTTY (nobody has the feature), and what the driver throws. */
export function serveFeature(
  operations: DeviceOperations<unknown>,
  device: VfioDevice,
  argument: Uint8Array,
  call: IoctlCall,
): ReturnType<Serve> {
  const request = new FeatureRequest(argument, call);
  const { feature, flags, data } = request;
  const serve = CORE.get(feature);
  if (serve !== undefined) return serve(operations, device, request);
  if (operations.feature === undefined) {
    throw new MediatedError('ENOTTY', `no feature ${feature}`, { syscall: 'ioctl' });
  }
  request.assertWhole();
  return operations.feature(device, feature, flags, data, call);
}
