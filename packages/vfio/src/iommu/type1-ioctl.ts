/**
 * The type1 IOMMU in numbers and bytes: what a container file passes on once it has its IOMMU (spec/vfio-core 8.1, 9).
 * Called on the control thread with a program's argument, which goes back as it is left here.
 */
import { MediatedError } from '@mediated/core';
import { readArgument } from '../uapi/argument.js';
import {
  bitmap,
  DIRTY_FLAGS,
  dirtyBitmap,
  dirtyBitmapGet,
  dmaMap,
  dmaUnmap,
  IOMMU_DIRTY_PAGES,
  IOMMU_GET_INFO,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  MAP_FLAGS,
  UNMAP_FLAGS,
} from '../uapi/iommu.js';
import type { DmaClient } from './client-memory.js';
import type { BitmapTarget } from './dirty-tracking.js';
import { encodeInfo } from './iommu-info.js';
import { LAST_ADDRESS } from './page.js';
import type { Type1 } from './type1.js';

/** Answers one command with 0. ENOTTY: there is no such command; EFAULT: the argument is shorter than it must be. */
export function type1Ioctl(
  iommu: Type1,
  command: number,
  argument: Uint8Array,
  client: DmaClient,
): number | Promise<number> {
  switch (command) {
    case IOMMU_GET_INFO:
      encodeInfo(argument, iommu.info());
      return 0;
    case IOMMU_MAP_DMA:
      return map(iommu, argument, client);
    case IOMMU_UNMAP_DMA:
      return unmap(iommu, argument, client);
    case IOMMU_DIRTY_PAGES:
      return dirtyPages(iommu, argument, client);
    default:
      throw new MediatedError('ENOTTY', `command ${command} is none of a container`, { syscall: 'ioctl' });
  }
}

function map(iommu: Type1, argument: Uint8Array, client: DmaClient): number | Promise<number> {
  const request = readArgument(dmaMap, argument, dmaMap.size);
  assertFlags(request.flags, MAP_FLAGS.read | MAP_FLAGS.write | MAP_FLAGS.vaddr);
  const mapped = iommu.map(client, request);
  return mapped instanceof Promise ? mapped.then(() => 0) : 0;
}

function unmap(iommu: Type1, argument: Uint8Array, client: DmaClient): number | Promise<number> {
  const { argsz, flags, iova, size } = readArgument(dmaUnmap, argument, dmaUnmap.size);
  assertFlags(flags, UNMAP_FLAGS.getDirtyBitmap | UNMAP_FLAGS.all | UNMAP_FLAGS.vaddr);
  const all = (flags & UNMAP_FLAGS.all) !== 0;
  const addressOnly = (flags & UNMAP_FLAGS.vaddr) !== 0;
  const wantsDirty = (flags & UNMAP_FLAGS.getDirtyBitmap) !== 0;
  if (wantsDirty && (all || addressOnly)) throw invalid('dirty pages of a plain unmap only');
  const dirty = wantsDirty ? targetAt(argument, argsz, dmaUnmap.size, dmaUnmap.size, client) : undefined;
  const unmapped = iommu.unmap({ iova, size, all, addressOnly, dirty });
  const finish = (bytes: bigint) => {
    dmaUnmap.encode(argument, { size: bytes });
    return 0;
  };
  return unmapped instanceof Promise ? unmapped.then(finish) : finish(unmapped);
}

function dirtyPages(iommu: Type1, argument: Uint8Array, client: DmaClient): number {
  if (!iommu.space.version2)
    throw new MediatedError('EACCES', 'type1 v1 does not track dirty pages', { syscall: 'ioctl' });
  const { argsz, flags } = readArgument(dirtyBitmap, argument, dirtyBitmap.size);
  switch (flags) {
    case DIRTY_FLAGS.start:
      iommu.startDirtyTracking();
      return 0;
    case DIRTY_FLAGS.stop:
      iommu.stopDirtyTracking();
      return 0;
    case DIRTY_FLAGS.getBitmap: {
      const target = targetAt(argument, argsz, dirtyBitmap.size, dirtyBitmap.size + dirtyBitmapGet.size, client);
      const { iova, size } = dirtyBitmapGet.decode(argument.subarray(dirtyBitmap.size));
      iommu.reportDirty(iova, size, target);
      return 0;
    }
    default:
      throw invalid(`flags ${flags}: one of start, stop and get`);
  }
}

/** The bitmap that an argument describes from byte `at` on; what follows the structure's `head` is announced in argsz. */
function targetAt(argument: Uint8Array, argsz: number, head: number, at: number, client: DmaClient): BitmapTarget {
  const end = at + bitmap.size;
  if (argsz < end) throw invalid(`argsz is ${argsz}; it is at least ${end} for what follows byte ${head}`);
  if (argument.length < end) throw fault(`the argument has ${argument.length} bytes, ${end} are read`);
  const { pgsize, size, data } = bitmap.decode(argument.subarray(at));
  if (data + size > LAST_ADDRESS) throw invalid('the bitmap lies outside of the address space');
  return {
    pageSize: pgsize,
    size,
    memory() {
      const memory = client.userMemory(data, Number(size));
      if (memory === undefined) throw fault('there is no memory at the address of the bitmap');
      return memory;
    },
  };
}

function assertFlags(flags: number, known: number): void {
  if ((flags & ~known) !== 0) throw invalid(`flags ${flags}`);
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}

function fault(message: string): MediatedError {
  return new MediatedError('EFAULT', message, { syscall: 'ioctl' });
}
