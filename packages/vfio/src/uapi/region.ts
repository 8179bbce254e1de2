/** Regions of a device: GET_REGION_INFO and its capabilities (spec/vfio-core sections 15, 16 and 21). */
import { defineStruct } from './struct.js';

/** ioctl command; its argument is {@link regionInfo} and, behind it, room for capabilities. */
export const DEVICE_GET_REGION_INFO = 0x3b6c;

export const regionInfo = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['index', 'u32'],
  ['cap_offset', 'u32'],
  ['size', 'u64'],
  ['offset', 'u64'],
]);
/** Least bytes of {@link regionInfo} that a driver accepts. */
export const REGION_INFO_BYTES = 32;

/** Flags of {@link regionInfo}. */
export const REGION_FLAGS = { read: 1, write: 2, mmap: 4, caps: 8 } as const;

/** A region of PCI, platform, fsl-mc and cdx devices starts at its index shifted by this many bits of the file. */
export const REGION_OFFSET_BITS = 40;

/** `id` of a capability of {@link regionInfo}. `msixMappable` is a bare header. */
export const REGION_CAPABILITIES = { sparseMmap: 1, type: 2, msixMappable: 3 } as const;

/** Capability `sparseMmap`: the areas that can be mapped. They follow it, each a {@link regionSparseMmapArea}. */
export const regionSparseMmapCapability = defineStruct([
  ['id', 'u16'],
  ['version', 'u16'],
  ['next', 'u32'],
  ['nr_areas', 'u32'],
  ['reserved', 'u32'],
]);
/** Bytes, from the region's beginning. */
export const regionSparseMmapArea = defineStruct([
  ['offset', 'u64'],
  ['size', 'u64'],
]);

/** Capability of a region of an NVLink bridge. */
export const regionNvlink2SsatgtCapability = defineStruct([
  ['id', 'u16'],
  ['version', 'u16'],
  ['next', 'u32'],
  ['tgt', 'u64'],
]);

/** `type` of a region's type capability. `pciVendor` is or-ed with the vendor's id (16 bits). */
export const REGION_TYPES = { pciVendor: 0x80000000, gfx: 1, ccw: 2 } as const;
export const REGION_TYPE_PCI_VENDOR_MASK = 0xffff;

/** `subtype` of regions of type `ccw`. */
export const CCW_REGION_SUBTYPES = { asyncCommand: 1, schib: 2, crw: 3 } as const;
/** `subtype` of regions of type `pciVendor` with Intel's id, 0x8086. */
export const INTEL_REGION_SUBTYPES = { igdOpregion: 1, hostConfig: 2, lpcConfig: 3 } as const;
