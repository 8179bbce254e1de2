/**
 * `diagnostics_channel` names of device files: documented API. Published on the device's thread, by `device-files.ts`.
 */
import { channel } from 'node:diagnostics_channel';
import { type DeviceNotice, type ErrnoName, errnoName, isMediatedError } from '@mediated/core';
import type { VfioDevice } from './device.js';
import type { OpenDeviceFile } from './open-file.js';

/** Message of `mediated:device:open` and `mediated:device:close`. */
export interface DeviceFileNotice extends DeviceNotice {
  /** Id of the thread whose file it is. */
  readonly client: number;
  /** Open files of the device after this step: 1 after the first open, 0 after the last close. */
  readonly openCount: number;
}

/** Message of `mediated:device:in-use`: a removal that waits for the device's users was interrupted. */
export interface DeviceInUseNotice extends DeviceNotice {
  /** Id of the thread that has interrupted it. */
  readonly client: number;
}

/** Message of `mediated:device:open:refused`. */
export interface OpenRefusalNotice extends DeviceNotice {
  /** Id of the thread that wanted the file. */
  readonly client: number;
  readonly code: ErrnoName;
}

const inUse = channel('mediated:device:in-use');
const opened = channel('mediated:device:open');
const refused = channel('mediated:device:open:refused');
const closed = channel('mediated:device:close');

export function publishOpened(file: OpenDeviceFile, openCount: number): void {
  if (opened.hasSubscribers) opened.publish(noticeOf(file, openCount));
}

/** `why`: a negative errno, or what the driver threw. */
export function publishOpenRefused({ device, owner }: OpenDeviceFile, why: unknown): void {
  if (!refused.hasSubscribers) return;
  const { uuid, type } = device;
  const code = typeof why === 'number' ? errnoName(-why) : isMediatedError(why) ? why.code : 'EIO';
  const notice: OpenRefusalNotice = { uuid, parent: type.parent, type: type.sysfsName, client: owner, code };
  refused.publish(notice);
}

export function publishClosed(file: OpenDeviceFile, openCount: number): void {
  if (closed.hasSubscribers) closed.publish(noticeOf(file, openCount));
}

/** `Device is currently in use, task blocked until device is released`, as a kernel logs it. */
export function publishInUse({ uuid, type }: VfioDevice, client: number): void {
  const notice: DeviceInUseNotice = { uuid, parent: type.parent, type: type.sysfsName, client };
  inUse.publish(notice);
}

function noticeOf({ device, owner }: OpenDeviceFile, openCount: number): DeviceFileNotice {
  const { uuid, type } = device;
  return { uuid, parent: type.parent, type: type.sysfsName, client: owner, openCount };
}
