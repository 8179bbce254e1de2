/** What PCI devices have beside the common: indexes, hot reset, ioeventfd (spec/vfio-core section 21, spec/pci). */
import { defineStruct } from './struct.js';

/** Region indexes of a PCI device; BAR0 to BAR5 are 0 to 5, what is from `count` up is the device's own. */
export const PCI_REGIONS = { bar0: 0, rom: 6, config: 7, vga: 8, count: 9 } as const;

/** Interrupt indexes of a PCI device. */
export const PCI_IRQS = { intx: 0, msi: 1, msix: 2, error: 3, request: 4, count: 5 } as const;

/** ioctl commands. */
export const DEVICE_GET_PCI_HOT_RESET_INFO = 0x3b70;
export const DEVICE_PCI_HOT_RESET = 0x3b71;
export const DEVICE_IOEVENTFD = 0x3b74;

/** A device that a hot reset affects. `group_id` is a devid where the flags of the answer say so. */
export const pciDependentDevice = defineStruct([
  ['group_id', 'u32'],
  ['segment', 'u16'],
  ['bus', 'u8'],
  ['devfn', 'u8'],
]);

/** The header; `count` times {@link pciDependentDevice} follows it. */
export const pciHotResetInfo = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['count', 'u32'],
]);
/** Flags of {@link pciHotResetInfo}. */
export const HOT_RESET_INFO_FLAGS = { devId: 1, devIdOwned: 2 } as const;
/** What stands for the devid of a device that has none: is it the caller's? */
export const HOT_RESET_DEV_IDS = { owned: 0, notOwned: -1 } as const;

/** The header; `count` descriptors of groups, 4 bytes each, follow it. */
export const pciHotReset = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['count', 'u32'],
]);

export const ioeventfd = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['offset', 'u64'],
  ['data', 'u64'],
  ['fd', 's32'],
  ['reserved', 'u32'],
]);
/** Flags of {@link ioeventfd}: the width of the write, in bits. */
export const IOEVENTFD_FLAGS = { bits8: 1, bits16: 2, bits32: 4, bits64: 8 } as const;
export const IOEVENTFD_SIZE_MASK = 0xf;
