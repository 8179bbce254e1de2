/** Entry `@mediated/vfio/uapi`: commands, flags and structures of the user API (linux/vfio.h), as data. */
export { readArgument } from './argument.js';
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
} from './device.js';
export { defineStruct, type FieldKind, type Struct } from './struct.js';
