/** A region as GET_REGION_INFO tells of it, read by the client. */
import {
  REGION_CAPABILITIES,
  readCapabilities,
  regionInfo,
  regionSparseMmapArea,
  regionSparseMmapCapability,
} from '@mediated/vfio/uapi';
import type { Ledger } from '../native/ledger.js';
import type { Reply } from './channel.js';
import { GuestMemory } from './guest-memory.js';

/** A region as the server tells of it. */
export interface ServedRegion {
  readonly index: number;
  /** `REGION_FLAGS`. */
  readonly flags: number;
  readonly size: number;
  /** What of it can be mapped, when that is not all. */
  readonly areas: readonly { readonly offset: number; readonly size: number }[] | undefined;
  /** Its memory, if it can be mapped: close it. */
  readonly memory: GuestMemory | undefined;
}

/** Reads an answer that had room for everything; its file is mapped. */
export function servedRegion(index: number, { payload, descriptors }: Reply, ledger: Ledger): ServedRegion {
  const { flags, size, offset, cap_offset: chain } = regionInfo.decode(payload);
  const sparse = readCapabilities(payload, chain).find(({ id }) => id === REGION_CAPABILITIES.sparseMmap);
  const [file] = descriptors;
  const memory = file === undefined ? undefined : GuestMemory.map(file, Number(offset), Number(size), ledger);
  const areas = sparse === undefined ? undefined : areasOf(sparse.bytes);
  return { index, flags, size: Number(size), areas, memory };
}

function areasOf(capability: Uint8Array): { offset: number; size: number }[] {
  const { nr_areas: count } = regionSparseMmapCapability.decode(capability);
  return Array.from({ length: count }, (_, at) => {
    const entry = capability.subarray(regionSparseMmapCapability.size + at * regionSparseMmapArea.size);
    const { offset, size } = regionSparseMmapArea.decode(entry);
    return { offset: Number(offset), size: Number(size) };
  });
}
