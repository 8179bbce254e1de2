/**
 * `diagnostics_channel` names of the mdev core: documented API. Each is published on the thread where the step happens;
 * uevents are the way to follow them from elsewhere.
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { type ErrnoName, errnoName } from '../errno.js';
import type { MdevDevice } from './device.js';

/** Message of the device channels. */
export interface DeviceNotice {
  readonly uuid: string;
  readonly parent: string;
  readonly type: string;
}

/** The message that names a device. */
export function deviceNotice({ uuid, type }: MdevDevice): DeviceNotice {
  return { uuid, parent: type.parent, type: type.sysfsName };
}

/** Publishes the refusal that a negative errno is. */
export function publishRefusal(refused: Channel, negative: number, notice: DeviceNotice): void {
  const message: DeviceRefusalNotice = { ...notice, code: errnoName(-negative) };
  refused.publish(message);
}

/** Message of a step's end: `error` when it has failed. */
export interface DeviceEndNotice extends DeviceNotice {
  readonly error?: unknown;
}

/** Message of `mediated:mdev:create:refused` and `mediated:mdev:remove:refused`: it has not begun, and has no start and end. */
export interface DeviceRefusalNotice extends DeviceNotice {
  readonly code: ErrnoName;
}

/** Message of `mediated:driver:error`: a driver callback that failed where the caller cannot be told. */
export interface DriverErrorNotice extends DeviceNotice {
  readonly callback: string;
  readonly error: unknown;
}

/** Message of `mediated:driver:loaded` and `:unloaded`. */
export interface DriverNotice {
  readonly driver: string;
  /** How many threads it has. */
  readonly threads: number;
}

/** Message of the parent channels. */
export interface ParentNotice {
  readonly parent: string;
  readonly driver: string;
}

export const createStarted = channel('mediated:mdev:create:start');
export const createEnded = channel('mediated:mdev:create:end');
export const createRefused = channel('mediated:mdev:create:refused');
export const probeStarted = channel('mediated:mdev:probe:start');
export const probeEnded = channel('mediated:mdev:probe:end');
export const unbindStarted = channel('mediated:mdev:unbind:start');
export const unbindEnded = channel('mediated:mdev:unbind:end');
export const removeStarted = channel('mediated:mdev:remove:start');
export const removeEnded = channel('mediated:mdev:remove:end');
export const removeRefused = channel('mediated:mdev:remove:refused');
export const driverError = channel('mediated:driver:error');
export const driverLoaded = channel('mediated:driver:loaded');
export const driverUnloaded = channel('mediated:driver:unloaded');
export const parentRegistered = channel('mediated:parent:registered');
export const parentUnregistering = channel('mediated:parent:unregistering');
export const parentUnregistered = channel('mediated:parent:unregistered');
