/** GET_INFO in bytes (spec/vfio-core 9.2, 16): the structure and the chain of capabilities behind it. Pure. */
import { readArgument } from '../uapi/argument.js';
import { encodeWithCapabilities } from '../uapi/capability-chain.js';
import {
  dmaAvailCapability,
  IOMMU_CAPABILITIES,
  IOMMU_INFO_BYTES,
  IOMMU_INFO_FLAGS,
  iommuInfo,
  iovaRange,
  iovaRangeCapability,
  migrationCapability,
} from '../uapi/iommu.js';
import { MOST_BITMAP_BYTES } from './dirty-tracking.js';
import type { IommuInfo } from './type1.js';

/** Fills an argument of IOMMU_GET_INFO. EFAULT: fewer bytes than `argsz` says; EINVAL: `argsz` is too small. */
export function encodeInfo(argument: Uint8Array, info: IommuInfo): void {
  readArgument(iommuInfo, argument, IOMMU_INFO_BYTES);
  const values = { flags: IOMMU_INFO_FLAGS.pageSizes, iova_pgsizes: info.pageSizes, cap_offset: 0, pad: 0 };
  encodeWithCapabilities(iommuInfo, argument, values, capabilitiesOf(info), IOMMU_INFO_FLAGS.caps);
}

function capabilitiesOf({ pageSizes, dmaAvail, ranges }: IommuInfo): Uint8Array[] {
  const version = 1;
  const capabilities = [
    migrationCapability.bytes({
      id: IOMMU_CAPABILITIES.migration,
      version,
      pgsize_bitmap: pageSizes & -pageSizes,
      max_dirty_bitmap_size: MOST_BITMAP_BYTES,
    }),
    dmaAvailCapability.bytes({ id: IOMMU_CAPABILITIES.dmaAvail, version, avail: dmaAvail }),
  ];
  if (ranges.length === 0) return capabilities;
  const head = iovaRangeCapability.size;
  const bytes = iovaRangeCapability.bytes(
    { id: IOMMU_CAPABILITIES.iovaRange, version, nr_iovas: ranges.length },
    head + ranges.length * iovaRange.size,
  );
  for (const [index, { start, last }] of ranges.entries())
    iovaRange.encode(bytes.subarray(head + index * iovaRange.size), { start, end: last });
  return [...capabilities, bytes];
}
