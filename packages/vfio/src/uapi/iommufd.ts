/** The newer way to a device: binding to an iommufd and attaching to one of its page tables (spec/vfio-core 6.3). */
import { defineStruct } from './struct.js';

/** ioctl commands on a device that was opened by its own node. */
export const DEVICE_BIND_IOMMUFD = 0x3b76;
export const DEVICE_ATTACH_IOMMUFD_PT = 0x3b77;
export const DEVICE_DETACH_IOMMUFD_PT = 0x3b78;

export const bindIommufd = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['iommufd', 's32'],
  ['out_devid', 'u32'],
]);

export const attachIommufdPt = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['pt_id', 'u32'],
]);

export const detachIommufdPt = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
]);
