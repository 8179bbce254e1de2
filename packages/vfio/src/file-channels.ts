/**
 * `diagnostics_channel` names of device files: documented API. Published on the device's thread, by `device-files.ts`.
 */
import { channel } from 'node:diagnostics_channel';
import type { DeviceNotice } from '@mediated/core';
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

const inUse = channel('mediated:device:in-use');
const opened = channel('mediated:device:open');
const closed = channel('mediated:device:close');

export function publishOpened(file: OpenDeviceFile, openCount: number): void {
  if (opened.hasSubscribers) opened.publish(noticeOf(file, openCount));
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
