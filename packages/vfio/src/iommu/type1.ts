/**
 * The type1 IOMMU of a container (spec/vfio-core section 9): what programs map for their devices. Lives on the control
 * thread; the only writer of its space's mappings. `unmap` alone may wait, for devices that are asked to unpin; other
 * calls may run meanwhile, and it begins anew after each answer.
 */
import { MediatedError } from '@mediated/core';
import type { LockSpace } from '@mediated/core/sync';
import { EXTENSIONS, MAP_FLAGS } from '../uapi/iommu.js';
import { AddressSpace, type AddressSpaceOptions } from './address-space.js';
import type { DmaClient } from './client-memory.js';
import { type BitmapTarget, DirtyTracking } from './dirty-tracking.js';
import { type DmaGroup, Groups } from './groups.js';
import type { IovaRange } from './iova-ranges.js';
import { HEADER, MAPPING, STATE } from './layout.js';
import { MappingWriter } from './mapping-writer.js';
import { hex, LAST_ADDRESS, pageOf, pagesOf } from './page.js';
import { type SegmentAudience, SharedSegments } from './shared-segments.js';
import { type Notify, Unmap, type UnmapRequest } from './type1-unmap.js';

/** Options of {@link Type1}. */
export interface Type1Options extends Omit<AddressSpaceOptions, 'rules'> {
  readonly rules: 'type1v1' | 'type1v2';
  /** Has `dmaUnmap` of every device that is told of unmaps called, and waits until all have returned. */
  readonly notify: Notify;
  readonly audience: SegmentAudience;
  /** Attach physical groups whose interrupts are not isolated, too. */
  readonly allowUnsafeInterrupts?: boolean | undefined;
}

/** What a program maps: `size` bytes of its memory from `vaddr` on, for devices to reach at `iova`. */
export interface MapRequest {
  readonly iova: bigint;
  readonly size: bigint;
  readonly vaddr: bigint;
  /** `MAP_FLAGS`; default: read and write. */
  readonly flags?: number | undefined;
}

/** What GET_INFO says. */
export interface IommuInfo {
  /** One bit per page size. */
  readonly pageSizes: bigint;
  /** Mappings that may still be made. */
  readonly dmaAvail: number;
  /** What may be mapped; empty: everything. */
  readonly ranges: readonly IovaRange[];
}

/** The extensions of type1, asked of a container without IOMMU: 1 or 0 (spec/vfio-core 9.1). */
export function type1Extension(extension: number): number {
  const { type1, type1v2, type1Nesting, unmapAll } = EXTENSIONS;
  return extension === type1 || extension === type1v2 || extension === type1Nesting || extension === unmapAll ? 1 : 0;
}

/** A type1 IOMMU. Errors carry the errno of the section of the spec that each method names. */
export class Type1 {
  readonly space: AddressSpace;
  readonly segments: SharedSegments;
  readonly #writer: MappingWriter;
  readonly #groups: Groups;
  readonly #dirty: DirtyTracking;
  readonly #notify: Notify;
  readonly #locks: LockSpace;
  readonly #told = new Set<number>();

  constructor(options: Type1Options) {
    this.space = AddressSpace.create(options);
    this.segments = new SharedSegments(options.audience);
    this.#writer = new MappingWriter(this.space);
    this.#groups = new Groups(this.space, this.#writer, options.allowUnsafeInterrupts ?? false);
    this.#dirty = new DirtyTracking(this.space, this.#groups);
    this.#notify = options.notify;
    this.#locks = options.locks;
  }

  /** CHECK_EXTENSION of a container that has this IOMMU: 1 or 0. */
  checkExtension(extension: number): number {
    if (extension === EXTENSIONS.dmaCoherent) return this.#groups.coherent ? 1 : 0;
    if (extension === EXTENSIONS.updateVaddr) return this.#groups.hasEmulated ? 0 : 1;
    return type1Extension(extension);
  }

  /** GET_INFO (9.2). */
  info(): IommuInfo {
    const { words } = this.space;
    return {
      pageSizes: this.#groups.pageSizes,
      dmaAvail: words[HEADER.entries] - words[HEADER.mappings],
      ranges: this.#groups.ranges,
    };
  }

  /** MAP_DMA (9.3): EINVAL, ENOENT, EEXIST, ENOSPC, ENOMEM, EFAULT. A promise while memory is handed to threads. */
  map(client: DmaClient, request: MapRequest): void | Promise<void> {
    const { iova, size, vaddr } = request;
    const flags = request.flags ?? MAP_FLAGS.read | MAP_FLAGS.write;
    this.#assertArguments(iova, size, vaddr, flags);
    const memory = client.resolve(vaddr, size);
    const segment = memory === undefined ? undefined : this.segments.acquire(memory);
    const fields = {
      start: pageOf(iova),
      pages: pagesOf(size),
      vaddr: pageOf(vaddr),
      owner: client.owner,
      segment: segment?.id ?? 0,
      memory: memory?.offset ?? 0,
    };
    const finish = () => {
      if ((flags & MAP_FLAGS.vaddr) !== 0) this.#replaceAddress(fields);
      else this.#insert({ ...fields, access: accessOf(flags) }, { start: iova, last: iova + size - 1n });
    };
    if (segment?.sharing === undefined) return this.#orRelease(fields.segment, finish);
    return segment.sharing.then(finish).catch((error: unknown) => {
      this.segments.release(fields.segment);
      throw error;
    });
  }

  /** UNMAP_DMA (9.4): the bytes that were unmapped. EINVAL, EBUSY, EFAULT; EDEADLK: devices did not unpin (9.5). */
  unmap(request: UnmapRequest): bigint | Promise<bigint> {
    return new Unmap(this.space, this.#writer, this.#groups, this.segments, this.#notify, request).run();
  }

  /** DIRTY_PAGES START (9.8): EACCES with v1, EINVAL, ENOMEM. */
  startDirtyTracking(): void {
    this.#dirty.start();
  }

  /** DIRTY_PAGES STOP: EACCES with v1. */
  stopDirtyTracking(): void {
    this.#dirty.stop();
  }

  /** DIRTY_PAGES GET_BITMAP: writes a bit per page of the range into the bitmap. EACCES with v1, EINVAL, EFAULT. */
  reportDirty(iova: bigint, size: bigint, target: BitmapTarget): void {
    this.#dirty.report(iova, size, target);
  }

  /** Adds a group of devices (9.7, `groups.ts`). */
  attachGroup(group: DmaGroup): number | undefined {
    return this.space.within(() => this.#groups.attach(group));
  }

  /** Takes a group out; with the last one of its kind go mappings or their pins (9.7). */
  detachGroup(id: number): void {
    this.#release(this.space.within(() => this.#groups.detach(id)));
  }

  /** A device whose driver has `dmaUnmap` is told of unmaps from now on: first open. */
  addDevice(slot: number): void {
    this.#told.add(slot);
    this.#countTold();
  }

  /** Last close, or death, of any device: it is not told any more, and what it left pinned is unpinned. */
  removeDevice(slot: number): void {
    this.#told.delete(slot);
    this.#countTold();
    this.space.within(() => this.space.pins.dropSlot(slot));
  }

  /** The program that made these mappings is gone: no device reaches its memory through them any more (9.6). */
  ownerDied(owner: number): void {
    const { mappings, words } = this.space;
    this.space.within(() => {
      for (let position = 0; position < mappings.count; position++) {
        const record = mappings.at(position);
        if (words[mappings.word(record, MAPPING.owner)] === owner) mappings.setState(record, STATE.orphan, true);
      }
    });
  }

  /** Removes everything and gives the space's lock back. No thread uses the space any more. */
  close(): void {
    this.#release(this.space.within(() => this.#writer.removeAll()));
    this.space.free(this.#locks);
  }

  #assertArguments(iova: bigint, size: bigint, vaddr: bigint, flags: number): void {
    const { read, write, vaddr: replace } = MAP_FLAGS;
    if ((flags & ~(read | write | replace)) !== 0) throw failure('EINVAL', `flags ${flags}`);
    if (((flags & replace) !== 0) === ((flags & (read | write)) !== 0))
      throw failure('EINVAL', 'either an access is given or the address is replaced');
    const smallest = this.#groups.pageSizes & -this.#groups.pageSizes;
    if (size === 0n || ((size | iova | vaddr) & (smallest - 1n)) !== 0n)
      throw failure('EINVAL', `sizes and addresses are multiples of ${smallest}`);
    if (iova + size - 1n > LAST_ADDRESS || vaddr + size - 1n > LAST_ADDRESS) throw failure('EINVAL', 'the range wraps');
  }

  #insert(fields: Parameters<MappingWriter['insert']>[0], range: IovaRange): void {
    const { mappings, words } = this.space;
    this.space.within(() => {
      if (mappings.overlaps(fields.start, fields.pages))
        throw failure('EEXIST', `something is mapped at ${hex(range.start)} or behind it`);
      if (mappings.count >= words[HEADER.entries]) throw failure('ENOSPC', `${mappings.count} mappings exist`);
      if (!this.#groups.allows(range)) throw failure('EINVAL', `${hex(range.start)} may not be mapped`);
      this.#writer.insert(fields);
    });
  }

  #replaceAddress(fields: Omit<Parameters<MappingWriter['insert']>[0], 'access'>): void {
    const { mappings, dirty } = this.space;
    const former = this.space.within(() => {
      const record = mappings.overlaps(fields.start, fields.pages)
        ? mappings.at(mappings.firstEndingAfter(fields.start))
        : -1;
      if (record === -1) throw failure('ENOENT', 'there is no mapping whose address could be replaced');
      const whole = mappings.start(record) === fields.start && mappings.pages(record) === fields.pages;
      if ((mappings.state(record) & STATE.invalid) === 0 || !whole)
        throw failure('EINVAL', 'the mapping is valid, or another range');
      const segment = mappings.segment(record);
      if (segment === 0 && dirty.tracking) dirty.allocate(record, fields.segment);
      mappings.setMemory(record, fields);
      mappings.setState(record, STATE.orphan, false);
      mappings.setInvalid(record, false);
      return segment;
    });
    this.segments.release(former);
  }

  #orRelease(segment: number, body: () => void): void {
    try {
      body();
    } catch (error) {
      this.segments.release(segment);
      throw error;
    }
  }

  #release(segments: readonly number[]): void {
    for (const segment of segments) this.segments.release(segment);
  }

  #countTold(): void {
    Atomics.store(this.space.words, HEADER.devices, this.#told.size);
  }
}

function accessOf(flags: number): number {
  return ((flags & MAP_FLAGS.read) === 0 ? 0 : STATE.read) | ((flags & MAP_FLAGS.write) === 0 ? 0 : STATE.write);
}

function failure(code: 'EINVAL' | 'ENOENT' | 'EEXIST' | 'ENOSPC', message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'MAP_DMA' });
}
