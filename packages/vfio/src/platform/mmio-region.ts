/**
 * A region of memory-mapped registers or of plain memory, of platform devices and fsl-mc objects: where it lies in the
 * device's file, what GET_REGION_INFO says of it, and the memory behind it (spec/vendors/platform-fsl A4, B4, B5). On the
 * device's thread; the memory is shared with programs that map it.
 */
import { MediatedError } from '@mediated/core';
import type { MapAccess, MappedMemory } from '../mapped-memory.js';
import { readArgument } from '../uapi/argument.js';
import { REGION_FLAGS, REGION_INFO_BYTES, REGION_OFFSET_BITS, regionInfo } from '../uapi/region.js';

const PAGE = 4096;
const REGION_BYTES = 2 ** REGION_OFFSET_BITS;

/** Where physical memory lies, in bytes. */
export interface PhysicalRange {
  readonly start: number;
  readonly size: number;
}

/** One region. */
export class MmioRegion {
  readonly index: number;
  readonly size: number;
  /** `REGION_FLAGS`. */
  readonly flags: number;
  #memory: SharedArrayBuffer | undefined;

  constructor(index: number, size: number, flags: number) {
    this.index = index;
    this.size = size;
    this.flags = flags;
  }

  /** The memory behind it, made when it is first touched and the same from then on. ENOMEM. */
  get memory(): SharedArrayBuffer {
    if (this.#memory !== undefined) return this.#memory;
    try {
      this.#memory = new SharedArrayBuffer(this.size);
    } catch (cause) {
      throw new MediatedError('ENOMEM', `region ${this.index} of ${this.size} bytes cannot be mapped`, { cause });
    }
    return this.#memory;
  }

  /** As after power-on. */
  clear(): void {
    if (this.#memory !== undefined) new Uint8Array(this.#memory).fill(0);
  }

  /** EINVAL unless the region may be accessed this way. */
  assertHas(flag: number, syscall: string): void {
    if ((this.flags & flag) !== 0) return;
    throw new MediatedError('EINVAL', `region ${this.index} has no ${syscall}`, { syscall });
  }

  /**
   * `length` bytes from byte `offset` of the region, to be mapped. EINVAL: not aligned, too long, not to be mapped, or not
   * for writing; a private mapping.
   */
  map(offset: number, length: number, access: Required<MapAccess>): MappedMemory {
    const { read, write, mmap } = REGION_FLAGS;
    for (const flag of [mmap, read, ...(access.write ? [write] : [])]) this.assertHas(flag, 'mmap');
    if (!access.shared) throw new MediatedError('EINVAL', 'there are no private mappings', { syscall: 'mmap' });
    if (offset % PAGE !== 0 || length <= 0 || this.size < PAGE || offset + length > this.size) {
      const text = `no mapping of ${length} bytes at ${offset} of region ${this.index}, which has ${this.size}`;
      throw new MediatedError('EINVAL', text, { syscall: 'mmap' });
    }
    return new Uint8Array(this.memory, offset, length);
  }
}

/** Whether a range can be mapped into a program page by page. */
export function isPageAligned({ start, size }: PhysicalRange): boolean {
  return start % PAGE === 0 && size % PAGE === 0;
}

/** The region that a position of the device's file is in, and where. EINVAL: there is none. */
export function locate(
  regions: readonly MmioRegion[],
  position: number,
  syscall: string,
): { readonly region: MmioRegion; readonly offset: number } {
  const index = Math.floor(position / REGION_BYTES);
  const region = regions[index];
  if (region === undefined) throw new MediatedError('EINVAL', `there is no region ${index}`, { syscall });
  return { region, offset: position % REGION_BYTES };
}

/** Serves GET_REGION_INFO. EFAULT, EINVAL. */
export function answerRegionInfo(regions: readonly MmioRegion[], argument: Uint8Array): void {
  const { index } = readArgument(regionInfo, argument, REGION_INFO_BYTES);
  const region = regions[index];
  if (region === undefined) throw new MediatedError('EINVAL', `there is no region ${index}`, { syscall: 'ioctl' });
  const offset = BigInt(index) << BigInt(REGION_OFFSET_BITS);
  regionInfo.encode(argument, { flags: region.flags, size: BigInt(region.size), offset });
}

/** EINVAL with the reason when a range makes no sense. `what` names it. */
export function checkRange({ start, size }: PhysicalRange, what: string): void {
  if (Number.isSafeInteger(start) && start >= 0 && Number.isSafeInteger(size) && size > 0 && size <= REGION_BYTES)
    return;
  const text = `${what} starts at ${start} and has ${size} bytes; it has 1 to 2^${REGION_OFFSET_BITS} bytes from 0 up`;
  throw new MediatedError('EINVAL', text, { syscall: 'loadDriver' });
}
