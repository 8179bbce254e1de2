/** VFIO_DEVICE_FEATURE: its header, its flags, and the features that are neither migration nor logging (section 11). */
import { defineStruct } from './struct.js';

/** ioctl command; its argument is {@link deviceFeature} and, behind it, the feature's own data. */
export const DEVICE_FEATURE = 0x3b75;

/** The header; the feature's data follows it. */
export const deviceFeature = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
]);
/** Bytes of {@link deviceFeature}. */
export const DEVICE_FEATURE_BYTES = 8;

/** Flags of {@link deviceFeature}, beside the feature's number in the low bits. */
export const FEATURE_FLAGS = { get: 0x10000, set: 0x20000, probe: 0x40000 } as const;
export const FEATURE_INDEX_MASK = 0xffff;

/** Numbers of the features. */
export const FEATURES = {
  pciVfToken: 0,
  migration: 1,
  migDeviceState: 2,
  lowPowerEntry: 3,
  lowPowerEntryWithWakeup: 4,
  lowPowerExit: 5,
  dmaLoggingStart: 6,
  dmaLoggingStop: 7,
  dmaLoggingReport: 8,
  migDataSize: 9,
  busMaster: 10,
} as const;

/** Bytes of the data of {@link FEATURES} `pciVfToken`: a UUID. */
export const PCI_VF_TOKEN_BYTES = 16;

/** Data of {@link FEATURES} `lowPowerEntryWithWakeup`. */
export const lowPowerEntryWithWakeup = defineStruct([
  ['wakeup_eventfd', 's32'],
  ['reserved', 'u32'],
]);

/** Data of {@link FEATURES} `busMaster`. */
export const busMaster = defineStruct([['op', 'u32']]);
/** `op` of {@link busMaster}. */
export const BUS_MASTER_OPS = { clear: 0, set: 1 } as const;
