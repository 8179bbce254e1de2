/** Numbers and structures of the VFIO user API for device files (spec/vfio-core section 21, vendors/common section 3). */
import { defineStruct } from './struct.js';

/** ioctl commands. The argument of DEVICE_RESET is empty. */
export const DEVICE_GET_INFO = 0x3b6b;
export const DEVICE_RESET = 0x3b6f;

export const deviceInfo = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['num_regions', 'u32'],
  ['num_irqs', 'u32'],
  ['cap_offset', 'u32'],
  ['pad', 'u32'],
]);
/** Least bytes of {@link deviceInfo} that a driver accepts; without capabilities it touches no more. */
export const DEVICE_INFO_BYTES = 16;

/** Flags of {@link deviceInfo}. */
export const DEVICE_FLAGS = {
  reset: 1,
  pci: 2,
  platform: 4,
  amba: 8,
  ccw: 0x10,
  ap: 0x20,
  fslMc: 0x40,
  caps: 0x80,
  cdx: 0x100,
} as const;

/** `id` of a capability of {@link deviceInfo}. */
export const DEVICE_CAPABILITIES = {
  zpciBase: 1,
  zpciGroup: 2,
  zpciUtil: 3,
  zpciPfip: 4,
  pciAtomicCompletion: 5,
} as const;

/** Capability `pciAtomicCompletion`: which atomic operations the device may complete. */
export const pciAtomicCompletionCapability = defineStruct([
  ['id', 'u16'],
  ['version', 'u16'],
  ['next', 'u32'],
  ['flags', 'u32'],
  ['reserved', 'u32'],
]);
/** Flags of {@link pciAtomicCompletionCapability}, by the width in bits. */
export const PCI_ATOMIC_COMPLETION_FLAGS = { bits32: 1, bits64: 2, bits128: 4 } as const;
