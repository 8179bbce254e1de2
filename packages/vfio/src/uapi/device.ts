/** Numbers and structures of the VFIO user API for device files (spec/vfio-core section 21, vendors/common section 3). */
import { defineStruct } from './struct.js';

/** ioctl commands. */
export const DEVICE_GET_INFO = 0x3b6b;
export const DEVICE_GET_REGION_INFO = 0x3b6c;
export const DEVICE_GET_IRQ_INFO = 0x3b6d;
export const DEVICE_SET_IRQS = 0x3b6e;
export const DEVICE_RESET = 0x3b6f;

export const deviceInfo = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['num_regions', 'u32'],
  ['num_irqs', 'u32'],
  ['cap_offset', 'u32'],
  ['pad', 'u32'],
]);
/** Least bytes of each argument that a driver accepts; it touches no more. */
export const DEVICE_INFO_BYTES = 16;

export const regionInfo = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['index', 'u32'],
  ['cap_offset', 'u32'],
  ['size', 'u64'],
  ['offset', 'u64'],
]);
export const REGION_INFO_BYTES = 32;

export const irqInfo = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['index', 'u32'],
  ['count', 'u32'],
]);
export const IRQ_INFO_BYTES = 16;

/** The header; what it announces follows it. */
export const irqSet = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['index', 'u32'],
  ['start', 'u32'],
  ['count', 'u32'],
]);
export const IRQ_SET_BYTES = 20;

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

/** Flags of {@link regionInfo}. */
export const REGION_FLAGS = { read: 1, write: 2, mmap: 4, caps: 8 } as const;

/** Flags of {@link irqInfo}. */
export const IRQ_INFO_FLAGS = { eventfd: 1, maskable: 2, automasked: 4, noresize: 8 } as const;

/** Flags of {@link irqSet}: one kind of data and one action. */
export const IRQ_SET_FLAGS = {
  dataNone: 1,
  dataBool: 2,
  dataEventfd: 4,
  mask: 8,
  unmask: 0x10,
  trigger: 0x20,
} as const;

/** Region indexes of a PCI device; BAR0 to BAR5 are 0 to 5. */
export const PCI_REGIONS = { bar0: 0, rom: 6, config: 7, vga: 8, count: 9 } as const;

/** Interrupt indexes of a PCI device. */
export const PCI_IRQS = { intx: 0, msi: 1, msix: 2, error: 3, request: 4, count: 5 } as const;
