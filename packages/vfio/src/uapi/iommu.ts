/** Numbers and structures of the VFIO user API for type1 containers (spec/vfio-core sections 9, 21). */
import { defineStruct } from './struct.js';

/** ioctl commands of a container that has its IOMMU. Device files use the same numbers for other things. */
export const IOMMU_GET_INFO = 0x3b70;
export const IOMMU_MAP_DMA = 0x3b71;
export const IOMMU_UNMAP_DMA = 0x3b72;
export const IOMMU_DIRTY_PAGES = 0x3b75;

/** Arguments of CHECK_EXTENSION; the first and the kinds of type1 are arguments of SET_IOMMU too. */
export const EXTENSIONS = {
  type1: 1,
  spaprTce: 2,
  type1v2: 3,
  dmaCoherent: 4,
  eeh: 5,
  type1Nesting: 6,
  spaprTcev2: 7,
  noIommu: 8,
  unmapAll: 9,
  updateVaddr: 10,
} as const;

export const iommuInfo = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['iova_pgsizes', 'u64'],
  ['cap_offset', 'u32'],
  ['pad', 'u32'],
]);
/** Least bytes of {@link iommuInfo} that are accepted. */
export const IOMMU_INFO_BYTES = 16;
/** Flags of {@link iommuInfo}. */
export const IOMMU_INFO_FLAGS = { pageSizes: 1, caps: 2 } as const;
/** Ids of the capabilities behind {@link iommuInfo}. */
export const IOMMU_CAPABILITIES = { iovaRange: 1, migration: 2, dmaAvail: 3 } as const;

/** Ranges follow it. */
export const iovaRangeCapability = defineStruct([
  ['id', 'u16'],
  ['version', 'u16'],
  ['next', 'u32'],
  ['nr_iovas', 'u32'],
  ['reserved', 'u32'],
]);
export const iovaRange = defineStruct([
  ['start', 'u64'],
  ['end', 'u64'],
]);
export const migrationCapability = defineStruct([
  ['id', 'u16'],
  ['version', 'u16'],
  ['next', 'u32'],
  ['flags', 'u32'],
  ['pgsize_bitmap', 'u64'],
  ['max_dirty_bitmap_size', 'u64'],
]);
export const dmaAvailCapability = defineStruct([
  ['id', 'u16'],
  ['version', 'u16'],
  ['next', 'u32'],
  ['avail', 'u32'],
]);

export const dmaMap = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['vaddr', 'u64'],
  ['iova', 'u64'],
  ['size', 'u64'],
]);
/** Flags of {@link dmaMap}. */
export const MAP_FLAGS = { read: 1, write: 2, vaddr: 4 } as const;

/** With the flag `getDirtyBitmap` a {@link bitmap} follows it. */
export const dmaUnmap = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
  ['iova', 'u64'],
  ['size', 'u64'],
]);
/** Flags of {@link dmaUnmap}. */
export const UNMAP_FLAGS = { getDirtyBitmap: 1, all: 2, vaddr: 4 } as const;

/** A bitmap in the caller's memory at address `data`: one bit per page of `pgsize` bytes, `size` bytes in all. */
export const bitmap = defineStruct([
  ['pgsize', 'u64'],
  ['size', 'u64'],
  ['data', 'u64'],
]);

/** With the flag `getBitmap` a {@link dirtyBitmapGet} follows it. */
export const dirtyBitmap = defineStruct([
  ['argsz', 'u32'],
  ['flags', 'u32'],
]);
/** Flags of {@link dirtyBitmap}. */
export const DIRTY_FLAGS = { start: 1, stop: 2, getBitmap: 4 } as const;

/** A {@link bitmap} follows it. */
export const dirtyBitmapGet = defineStruct([
  ['iova', 'u64'],
  ['size', 'u64'],
]);
