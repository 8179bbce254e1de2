/**
 * `diagnostics_channel` names of the mdev core: documented API. Each is published on the thread where the step happens;
 * uevents are the way to follow them from elsewhere.
 */
import { channel } from 'node:diagnostics_channel';
import type { MdevDevice } from './device.js';

/** Message of the device channels. */
export interface DeviceNotice {
  readonly uuid: string;
  readonly parent: string;
  readonly type: string;
}

/** The message that names a device, made only where somebody listens. */
export function deviceNotice({ uuid, type }: MdevDevice): DeviceNotice {
  return { uuid, parent: type.parent, type: type.sysfsName };
}

/** Message of `mediated:driver:error`: a driver callback that failed where the caller cannot be told. */
export interface DriverErrorNotice extends DeviceNotice {
  readonly callback: string;
  readonly error: unknown;
}

/** Message of the parent channels. */
export interface ParentNotice {
  readonly parent: string;
  readonly driver: string;
}

export const createStarted = channel('mediated:mdev:create:start');
export const createEnded = channel('mediated:mdev:create:end');
export const removeStarted = channel('mediated:mdev:remove:start');
export const removeEnded = channel('mediated:mdev:remove:end');
export const driverError = channel('mediated:driver:error');
export const parentRegistered = channel('mediated:parent:registered');
export const parentUnregistering = channel('mediated:parent:unregistering');
export const parentUnregistered = channel('mediated:parent:unregistered');
