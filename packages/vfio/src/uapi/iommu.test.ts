/** Structures of containers lie where a C compiler puts them (spec/vfio-core section 21.2). */
import { expect, test } from 'vitest';
import {
  bitmap,
  dirtyBitmap,
  dirtyBitmapGet,
  dmaAvailCapability,
  dmaMap,
  dmaUnmap,
  iommuInfo,
  iovaRange,
  iovaRangeCapability,
  migrationCapability,
} from '#dist/uapi/iommu.js';

const HEADER = { id: 0, version: 2, next: 4 };

test.each([
  ['vfio_iommu_type1_info', iommuInfo, 24, { argsz: 0, flags: 4, iova_pgsizes: 8, cap_offset: 16, pad: 20 }],
  ['vfio_iova_range', iovaRange, 16, { start: 0, end: 8 }],
  ['vfio_iommu_type1_info_cap_iova_range', iovaRangeCapability, 16, { ...HEADER, nr_iovas: 8, reserved: 12 }],
  [
    'vfio_iommu_type1_info_cap_migration',
    migrationCapability,
    32,
    { ...HEADER, flags: 8, pgsize_bitmap: 16, max_dirty_bitmap_size: 24 },
  ],
  ['vfio_iommu_type1_info_dma_avail', dmaAvailCapability, 12, { ...HEADER, avail: 8 }],
  ['vfio_iommu_type1_dma_map', dmaMap, 32, { argsz: 0, flags: 4, vaddr: 8, iova: 16, size: 24 }],
  ['vfio_bitmap', bitmap, 24, { pgsize: 0, size: 8, data: 16 }],
  ['vfio_iommu_type1_dma_unmap', dmaUnmap, 24, { argsz: 0, flags: 4, iova: 8, size: 16 }],
  ['vfio_iommu_type1_dirty_bitmap', dirtyBitmap, 8, { argsz: 0, flags: 4 }],
  ['vfio_iommu_type1_dirty_bitmap_get, without its bitmap', dirtyBitmapGet, 16, { iova: 0, size: 8 }],
])('%s', (_, struct, size, offsets) => {
  expect(struct.size).toBe(size);
  expect(struct.offsets).toEqual(offsets);
});
