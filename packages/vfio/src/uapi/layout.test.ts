/** The structures, numbers and flags of the user API are those of linux/vfio.h (spec/vfio-core section 21). */
import * as uapi from '@mediated/vfio/uapi';
import { describe, expect, test } from 'vitest';

/**
 * Structure, size, and `member@offset:size` of what a C compiler makes of it. A capability's header of 8 bytes is three
 * fields here, and the bitmap that C nests in the last is a structure of its own.
 */
const LAYOUTS = `
vfio_info_cap_header | capabilityHeader | 8 | id@0:2 version@2:2 next@4:4
vfio_group_status | groupStatus | 8 | argsz@0:4 flags@4:4
vfio_device_info | deviceInfo | 24 | argsz@0:4 flags@4:4 num_regions@8:4 num_irqs@12:4 cap_offset@16:4 pad@20:4
vfio_device_info_cap_pci_atomic_comp | pciAtomicCompletionCapability | 16 | header flags@8:4 reserved@12:4
vfio_region_info | regionInfo | 32 | argsz@0:4 flags@4:4 index@8:4 cap_offset@12:4 size@16:8 offset@24:8
vfio_region_sparse_mmap_area | regionSparseMmapArea | 16 | offset@0:8 size@8:8
vfio_region_info_cap_sparse_mmap | regionSparseMmapCapability | 16 | header nr_areas@8:4 reserved@12:4
vfio_region_info_cap_type | regionTypeCapability | 16 | header type@8:4 subtype@12:4
vfio_region_gfx_edid | gfxEdid | 24 | edid_offset@0:4 edid_max_size@4:4 edid_size@8:4 max_xres@12:4 max_yres@16:4 link_state@20:4
vfio_region_info_cap_nvlink2_ssatgt | regionNvlink2SsatgtCapability | 16 | header tgt@8:8
vfio_irq_info | irqInfo | 16 | argsz@0:4 flags@4:4 index@8:4 count@12:4
vfio_irq_set | irqSet | 20 | argsz@0:4 flags@4:4 index@8:4 start@12:4 count@16:4
vfio_pci_dependent_device | pciDependentDevice | 8 | group_id@0:4 segment@4:2 bus@6:1 devfn@7:1
vfio_pci_hot_reset_info | pciHotResetInfo | 12 | argsz@0:4 flags@4:4 count@8:4
vfio_pci_hot_reset | pciHotReset | 12 | argsz@0:4 flags@4:4 count@8:4
vfio_device_gfx_plane_info | gfxPlaneInfo | 64 | argsz@0:4 flags@4:4 drm_plane_type@8:4 drm_format@12:4 drm_format_mod@16:8 width@24:4 height@28:4 stride@32:4 size@36:4 x_pos@40:4 y_pos@44:4 x_hot@48:4 y_hot@52:4 region_index@56:4 reserved@60:4
vfio_device_ioeventfd | ioeventfd | 32 | argsz@0:4 flags@4:4 offset@8:8 data@16:8 fd@24:4 reserved@28:4
vfio_device_feature | deviceFeature | 8 | argsz@0:4 flags@4:4
vfio_device_bind_iommufd | bindIommufd | 16 | argsz@0:4 flags@4:4 iommufd@8:4 out_devid@12:4
vfio_device_attach_iommufd_pt | attachIommufdPt | 12 | argsz@0:4 flags@4:4 pt_id@8:4
vfio_device_detach_iommufd_pt | detachIommufdPt | 8 | argsz@0:4 flags@4:4
vfio_device_feature_migration | featureMigration | 8 | flags@0:8
vfio_device_feature_mig_state | featureMigState | 8 | device_state@0:4 data_fd@4:4
vfio_precopy_info | precopyInfo | 24 | argsz@0:4 flags@4:4 initial_bytes@8:8 dirty_bytes@16:8
vfio_device_low_power_entry_with_wakeup | lowPowerEntryWithWakeup | 8 | wakeup_eventfd@0:4 reserved@4:4
vfio_device_feature_dma_logging_control | dmaLoggingControl | 24 | page_size@0:8 num_ranges@8:4 __reserved@12:4 ranges@16:8
vfio_device_feature_dma_logging_range | dmaLoggingRange | 16 | iova@0:8 length@8:8
vfio_device_feature_dma_logging_report | dmaLoggingReport | 32 | iova@0:8 length@8:8 page_size@16:8 bitmap@24:8
vfio_device_feature_mig_data_size | featureMigDataSize | 8 | stop_copy_length@0:8
vfio_device_feature_bus_master | busMaster | 4 | op@0:4
vfio_iommu_type1_info | iommuInfo | 24 | argsz@0:4 flags@4:4 iova_pgsizes@8:8 cap_offset@16:4 pad@20:4
vfio_iova_range | iovaRange | 16 | start@0:8 end@8:8
vfio_iommu_type1_info_cap_iova_range | iovaRangeCapability | 16 | header nr_iovas@8:4 reserved@12:4
vfio_iommu_type1_info_cap_migration | migrationCapability | 32 | header flags@8:4 pgsize_bitmap@16:8 max_dirty_bitmap_size@24:8
vfio_iommu_type1_info_dma_avail | dmaAvailCapability | 12 | header avail@8:4
vfio_iommu_type1_dma_map | dmaMap | 32 | argsz@0:4 flags@4:4 vaddr@8:8 iova@16:8 size@24:8
vfio_bitmap | bitmap | 24 | pgsize@0:8 size@8:8 data@16:8
vfio_iommu_type1_dma_unmap | dmaUnmap | 24 | argsz@0:4 flags@4:4 iova@8:8 size@16:8
vfio_iommu_type1_dirty_bitmap | dirtyBitmap | 8 | argsz@0:4 flags@4:4
vfio_iommu_type1_dirty_bitmap_get | dirtyBitmapGet | 16 | iova@0:8 size@8:8
`
  .trim()
  .split('\n')
  .map((line) => line.split(' | ') as [string, string, string, string]);

const STRUCTURES = new Map<string, unknown>(Object.entries(uapi));

describe('21.2: structures', () => {
  test.each(LAYOUTS)('%s', (_, name, size, members) => {
    const struct = STRUCTURES.get(name) as uapi.Struct<object>;
    const expected = members
      .replace('header', 'id@0:2 version@2:2 next@4:4')
      .split(' ')
      .map((member) => /^(\w+)@(\d+):(\d)$/.exec(member) as RegExpExecArray);
    expect(struct.offsets).toEqual(Object.fromEntries(expected.map(([, field, offset]) => [field, Number(offset)])));
    expect(struct.size).toBe(Number(size));
    // Each field takes the bytes that it should, all of them and no others.
    for (const [, field, offset, bytes] of expected) {
      const ones = Number(bytes) === 8 ? 2n ** 64n - 1n : 2 ** (8 * Number(bytes)) - 1;
      const written = struct.bytes({ [field as string]: ones });
      const touched = [...written.keys()].filter((at) => written[at] !== 0);
      expect(touched).toEqual(Array.from({ length: Number(bytes) }, (_, at) => Number(offset) + at));
    }
  });

  test('gfx planes: region_index and dmabuf_id are one field; 60 bytes suffice', () => {
    expect([uapi.gfxPlaneInfo.offsets.region_index, uapi.GFX_PLANE_INFO_BYTES]).toEqual([56, 60]);
  });
});

test('21.1: commands', () => {
  const commands = {
    GET_API_VERSION: 15204,
    CHECK_EXTENSION: 15205,
    SET_IOMMU: 15206,
    GROUP_GET_STATUS: 15207,
    GROUP_SET_CONTAINER: 15208,
    GROUP_UNSET_CONTAINER: 15209,
    GROUP_GET_DEVICE_FD: 15210,
    DEVICE_GET_INFO: 15211,
    DEVICE_GET_REGION_INFO: 15212,
    DEVICE_GET_IRQ_INFO: 15213,
    DEVICE_SET_IRQS: 15214,
    DEVICE_RESET: 15215,
    DEVICE_GET_PCI_HOT_RESET_INFO: 15216,
    DEVICE_PCI_HOT_RESET: 15217,
    DEVICE_QUERY_GFX_PLANE: 15218,
    DEVICE_GET_GFX_DMABUF: 15219,
    DEVICE_IOEVENTFD: 15220,
    DEVICE_FEATURE: 15221,
    DEVICE_BIND_IOMMUFD: 15222,
    DEVICE_ATTACH_IOMMUFD_PT: 15223,
    DEVICE_DETACH_IOMMUFD_PT: 15224,
    MIG_GET_PRECOPY_INFO: 15225,
    IOMMU_GET_INFO: 15216,
    IOMMU_MAP_DMA: 15217,
    IOMMU_UNMAP_DMA: 15218,
    IOMMU_DIRTY_PAGES: 15221,
  };
  expect(uapi).toMatchObject(commands);
});

test('21.3: flags and constants', () => {
  const values = {
    API_VERSION: 0,
    GROUP_FLAGS: { viable: 1, containerSet: 2 },
    DEVICE_FLAGS: { reset: 1, pci: 2, platform: 4, amba: 8, ccw: 16, ap: 32, fslMc: 64, caps: 128, cdx: 256 },
    DEVICE_CAPABILITIES: { zpciBase: 1, zpciGroup: 2, zpciUtil: 3, zpciPfip: 4, pciAtomicCompletion: 5 },
    PCI_ATOMIC_COMPLETION_FLAGS: { bits32: 1, bits64: 2, bits128: 4 },
    REGION_FLAGS: { read: 1, write: 2, mmap: 4, caps: 8 },
    REGION_CAPABILITIES: { sparseMmap: 1, type: 2, msixMappable: 3 },
    REGION_TYPES: { pciVendor: 0x80000000, gfx: 1, ccw: 2 },
    REGION_TYPE_PCI_VENDOR_MASK: 0xffff,
    CCW_REGION_SUBTYPES: { asyncCommand: 1, schib: 2, crw: 3 },
    INTEL_REGION_SUBTYPES: { igdOpregion: 1, hostConfig: 2, lpcConfig: 3 },
    REGION_SUBTYPE_GFX_EDID: 1,
    EDID_LINK_STATES: { up: 1, down: 2 },
    IRQ_INFO_FLAGS: { eventfd: 1, maskable: 2, automasked: 4, noresize: 8 },
    IRQ_SET_FLAGS: { dataNone: 1, dataBool: 2, dataEventfd: 4, mask: 8, unmask: 16, trigger: 32 },
    IRQ_SET_DATA_MASK: 0x07,
    IRQ_SET_ACTION_MASK: 0x38,
    PCI_REGIONS: { bar0: 0, rom: 6, config: 7, vga: 8, count: 9 },
    PCI_IRQS: { intx: 0, msi: 1, msix: 2, error: 3, request: 4, count: 5 },
    CCW_REGIONS: { config: 0 },
    CCW_IRQS: { io: 0, crw: 1, request: 2 },
    AP_IRQS: { request: 0 },
    HOT_RESET_INFO_FLAGS: { devId: 1, devIdOwned: 2 },
    HOT_RESET_DEV_IDS: { owned: 0, notOwned: -1 },
    GFX_PLANE_FLAGS: { probe: 1, dmabuf: 2, region: 4 },
    IOEVENTFD_FLAGS: { bits8: 1, bits16: 2, bits32: 4, bits64: 8 },
    IOEVENTFD_SIZE_MASK: 0xf,
    FEATURE_INDEX_MASK: 0xffff,
    FEATURE_FLAGS: { get: 0x10000, set: 0x20000, probe: 0x40000 },
    MIGRATION_FLAGS: { stopCopy: 1, p2p: 2, preCopy: 4 },
    MIGRATION_STATES: {
      error: 0,
      stop: 1,
      running: 2,
      stopCopy: 3,
      resuming: 4,
      runningP2p: 5,
      preCopy: 6,
      preCopyP2p: 7,
    },
    BUS_MASTER_OPS: { clear: 0, set: 1 },
    IOMMU_INFO_FLAGS: { pageSizes: 1, caps: 2 },
    MAP_FLAGS: { read: 1, write: 2, vaddr: 4 },
    UNMAP_FLAGS: { getDirtyBitmap: 1, all: 2, vaddr: 4 },
    DIRTY_FLAGS: { start: 1, stop: 2, getBitmap: 4 },
    MAX_LOGGING_RANGES: 256,
  };
  expect(uapi).toMatchObject(values);
  expect(Object.values(uapi.FEATURES)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(Object.values(uapi.EXTENSIONS)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});
