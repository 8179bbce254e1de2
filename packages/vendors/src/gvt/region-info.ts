/** GET_REGION_INFO of a vGPU, with its capabilities (gvt section 6). */
import { MediatedError } from '@mediated/core';
import {
  encodeWithCapabilities,
  INTEL_REGION_SUBTYPES,
  REGION_CAPABILITIES,
  REGION_FLAGS,
  REGION_INFO_BYTES,
  REGION_OFFSET_BITS,
  REGION_SUBTYPE_GFX_EDID,
  REGION_TYPES,
  readArgument,
  regionInfo,
  regionSparseMmapArea,
  regionSparseMmapCapability,
  regionTypeCapability,
} from '@mediated/vfio/uapi';
import { REGIONS, type Vgpu } from './vgpu.js';

const INTEL = 0x8086;
const { read, write, mmap, caps } = REGION_FLAGS;

const FLAGS: Readonly<Record<number, number>> = {
  [REGIONS.bar0]: read | write,
  [REGIONS.bar2]: read | write | mmap,
  [REGIONS.config]: read | write,
  [REGIONS.opRegion]: read,
  [REGIONS.edid]: read | write,
};

/** Errors: EFAULT, EINVAL (argsz, no such region). */
export function getRegionInfo(vgpu: Vgpu, argument: Uint8Array): void {
  const { index } = readArgument(regionInfo, argument, REGION_INFO_BYTES);
  if (index >= REGIONS.count) throw new MediatedError('EINVAL', `no region ${index}`, { syscall: 'ioctl' });
  const values = {
    flags: FLAGS[index] ?? 0,
    size: BigInt(vgpu.regionBytes(index)),
    offset: BigInt(index) << BigInt(REGION_OFFSET_BITS),
  };
  encodeWithCapabilities(regionInfo, argument, values, capabilitiesOf(vgpu, index), caps);
}

function capabilitiesOf({ share }: Vgpu, index: number): Uint8Array[] {
  switch (index) {
    case REGIONS.bar2: {
      const { size } = regionSparseMmapCapability;
      const header = { id: REGION_CAPABILITIES.sparseMmap, version: 1, nr_areas: 1 };
      const bytes = regionSparseMmapCapability.bytes(header, size + regionSparseMmapArea.size);
      const area = { offset: BigInt(share.low.start), size: BigInt(share.low.size) };
      regionSparseMmapArea.encode(bytes.subarray(size), area);
      return [bytes];
    }
    case REGIONS.opRegion:
      return [typeCapability((REGION_TYPES.pciVendor | INTEL) >>> 0, INTEL_REGION_SUBTYPES.igdOpregion)];
    case REGIONS.edid:
      return [typeCapability(REGION_TYPES.gfx, REGION_SUBTYPE_GFX_EDID)];
    default:
      return [];
  }
}

function typeCapability(type: number, subtype: number): Uint8Array {
  return regionTypeCapability.bytes({ id: REGION_CAPABILITIES.type, version: 1, type, subtype });
}
