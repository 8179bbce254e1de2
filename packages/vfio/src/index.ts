/** Entry `@mediated/vfio`: VFIO devices, device sets and device files on the mdev bus. */
export type { Clock } from './clock.js';
export { VfioDevice } from './device.js';
export { DeviceFile, openDevice, openDeviceSync } from './device-file.js';
export type { DeviceSet } from './device-set.js';
export { defineDriver, type DeviceDriver } from './driver.js';
export type { DeviceFileNotice } from './file-channels.js';
export { InterruptCounter } from './interrupt-counter.js';
export type { DeviceAttribute, DeviceOperations, IoctlCall } from './operations.js';
export { readArgument } from './uapi/argument.js';
export {
  DEVICE_FLAGS,
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_INFO_BYTES,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  deviceInfo,
  IRQ_INFO_BYTES,
  IRQ_INFO_FLAGS,
  IRQ_SET_BYTES,
  IRQ_SET_FLAGS,
  irqInfo,
  irqSet,
  PCI_IRQS,
  PCI_REGIONS,
  REGION_FLAGS,
  REGION_INFO_BYTES,
  regionInfo,
} from './uapi/device.js';
export { defineStruct, type FieldKind, type Struct } from './uapi/struct.js';
