/**
 * `diagnostics_channel` names of device files: documented API. Published on the device's thread, by `device-files.ts`.
 */
import { channel } from 'node:diagnostics_channel';
import type { DeviceNotice } from '@mediated/core';
import type { OpenDeviceFile } from './open-file.js';

/** Message of `mediated:device:open` and `mediated:device:close`. */
export interface DeviceFileNotice extends DeviceNotice {
  /** Id of the thread whose file it is. */
  readonly client: number;
  /** Open files of the device after this step: 1 after the first open, 0 after the last close. */
  readonly openCount: number;
}

const opened = channel('mediated:device:open');
const closed = channel('mediated:device:close');

export function publishOpened(file: OpenDeviceFile, openCount: number): void {
  if (opened.hasSubscribers) opened.publish(noticeOf(file, openCount));
}

export function publishClosed(file: OpenDeviceFile, openCount: number): void {
  if (closed.hasSubscribers) closed.publish(noticeOf(file, openCount));
}

function noticeOf({ device, owner }: OpenDeviceFile, openCount: number): DeviceFileNotice {
  const { uuid, type } = device;
  return { uuid, parent: type.parent, type: type.sysfsName, client: owner, openCount };
}
