/** GET_INFO in bytes (spec/vfio-core 9.2, 16): the structure and the chain of capabilities behind it. Pure. */
import { MediatedError } from '@mediated/core';
import { readArgument } from '../uapi/argument.js';
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
  const { argsz } = readArgument(iommuInfo, argument, IOMMU_INFO_BYTES);
  const chain = link(capabilitiesOf(info));
  const needed = iommuInfo.size + chain.length;
  const fits = argsz >= needed;
  if (argument.length < Math.min(argsz, fits ? needed : iommuInfo.size))
    throw new MediatedError('EFAULT', `the argument has ${argument.length} bytes`, { syscall: 'ioctl' });
  const head = iommuInfo.bytes({
    argsz: fits ? argsz : needed,
    flags: IOMMU_INFO_FLAGS.pageSizes | IOMMU_INFO_FLAGS.caps,
    iova_pgsizes: info.pageSizes,
    cap_offset: fits ? iommuInfo.size : 0,
  });
  argument.set(head.subarray(0, Math.min(argsz, head.length)));
  if (fits) argument.set(chain, iommuInfo.size);
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

/** Puts capabilities one behind the other, each rounded up to 8 bytes; `next` counts from the structure's beginning. */
function link(capabilities: readonly Uint8Array[]): Uint8Array {
  const rounded = capabilities.map(({ length }) => Math.ceil(length / 8) * 8);
  const chain = new Uint8Array(rounded.reduce((sum, size) => sum + size, 0));
  let at = 0;
  capabilities.forEach((capability, index) => {
    const next = at + rounded[index]!;
    chain.set(capability, at);
    dmaAvailCapability.encode(chain.subarray(at), { next: next === chain.length ? 0 : iommuInfo.size + next });
    at = next;
  });
  return chain;
}
