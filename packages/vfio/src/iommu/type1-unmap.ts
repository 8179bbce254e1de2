/**
 * UNMAP_DMA (spec/vfio-core 9.4, 9.5): one call of a program. Runs on the control thread in passes, each a section of
 * the space. A pass ends where a mapping is met that devices have pinned: then they are asked to unpin, outside of any
 * section, and the next pass begins anew with all checks.
 */
import { channel } from 'node:diagnostics_channel';
import { MediatedError } from '@mediated/core';
import type { AddressSpace } from './address-space.js';
import { assertCovers, assertNotBisecting, type BitmapTarget, reportMapping } from './dirty-tracking.js';
import type { Groups } from './groups.js';
import { MAPPING, STATE } from './layout.js';
import type { MappingWriter } from './mapping-writer.js';
import { bytesOf, hex, LAST_ADDRESS, pageOf, pagesOf, SPACE_PAGES } from './page.js';
import type { SharedSegments } from './shared-segments.js';

/** Asks every device that is told of unmaps to unpin a range, and waits until all have answered. */
export type Notify = (iova: bigint, size: bigint) => void | Promise<void>;

/** What is to be unmapped. */
export interface UnmapRequest {
  readonly iova: bigint;
  readonly size: bigint;
  /** Everything; `iova` and `size` are 0. */
  readonly all?: boolean | undefined;
  /** Mark the user addresses as invalid instead, to be replaced by a map. */
  readonly addressOnly?: boolean | undefined;
  /** Report dirty pages on the way. */
  readonly dirty?: BitmapTarget | undefined;
}

/** So often devices are asked in vain to unpin one mapping; the kernel takes one time more for a fatal bug. */
const MOST_REQUESTS = 11;

const unanswered = channel('mediated:iommu:unanswered');

/** A call in progress. */
export class Unmap {
  readonly #space: AddressSpace;
  readonly #writer: MappingWriter;
  readonly #groups: Groups;
  readonly #segments: SharedSegments;
  readonly #notify: Notify;
  readonly #request: UnmapRequest;
  #unmapped = 0;
  /** Segments that removed mappings named: released outside of the section, because that tells other threads. */
  #released: number[] = [];
  /** The mapping that was asked for last, and how often in a row. */
  #asked = 0;
  #requests = 0;

  constructor(
    space: AddressSpace,
    writer: MappingWriter,
    groups: Groups,
    segments: SharedSegments,
    notify: Notify,
    request: UnmapRequest,
  ) {
    this.#space = space;
    this.#writer = writer;
    this.#groups = groups;
    this.#segments = segments;
    this.#notify = notify;
    this.#request = request;
  }

  /** Bytes that were unmapped; a promise if devices had to be asked and did not answer at once. */
  run(): bigint | Promise<bigint> {
    const { dirty, all, addressOnly, size } = this.#request;
    if (dirty !== undefined) {
      if (all === true || addressOnly === true) throw failure('EINVAL', 'dirty pages of a plain unmap only');
      assertCovers(dirty, size);
    }
    return this.#passes();
  }

  #passes(): bigint | Promise<bigint> {
    for (;;) {
      const pinned = this.#runPass();
      if (pinned === -1) return bytesOf(this.#unmapped);
      const answered = this.#ask(pinned);
      if (answered !== undefined) return answered.then(() => this.#passes());
    }
  }

  #runPass(): number {
    try {
      return this.#space.within(() => this.#pass());
    } finally {
      for (const segment of this.#released.splice(0)) this.#segments.release(segment);
    }
  }

  /** Goes as far as it can. The record of a mapping that devices have pinned, -1 at the end. In the section. */
  #pass(): number {
    this.#assertValid();
    const { mappings, pins } = this.#space;
    const { addressOnly, all } = this.#request;
    const start = all === true ? 0 : pageOf(this.#request.iova);
    const end = all === true ? SPACE_PAGES : start + pagesOf(this.#request.size);
    if (this.#space.version2 && all !== true) assertNotBisecting(this.#space, start, end);
    const first = mappings.firstEndingAfter(start);
    let position = first;
    try {
      for (; position < mappings.count; position++) {
        const record = mappings.at(position);
        if (mappings.start(record) >= end) break;
        if (!this.#space.version2 && mappings.start(record) < start) break;
        if (addressOnly === true) this.#invalidate(first, position);
        else if (pins.inMapping(record) > 0) return record;
        else this.#report(record, start);
        this.#unmapped += mappings.pages(record);
      }
      return -1;
    } finally {
      const removed = addressOnly === true ? 0 : position - first;
      if (removed > 0) this.#released = this.#writer.remove(first, removed);
    }
  }

  #report(record: number, start: number): void {
    const { dirty } = this.#request;
    if (dirty !== undefined) reportMapping(this.#space, this.#groups, record, start, dirty);
  }

  #invalidate(first: number, position: number): void {
    const { mappings } = this.#space;
    const record = mappings.at(position);
    if ((mappings.state(record) & STATE.invalid) === 0) {
      mappings.setInvalid(record, true);
      return;
    }
    for (let marked = first; marked < position; marked++) mappings.setInvalid(mappings.at(marked), false);
    throw failure('EINVAL', 'the address of a mapping is invalid already');
  }

  #assertValid(): void {
    const { iova, size, all, addressOnly, dirty } = this.#request;
    const smallest = this.#groups.pageSizes & -this.#groups.pageSizes;
    if (addressOnly === true && this.#groups.hasEmulated)
      throw failure('EBUSY', 'addresses cannot be replaced while an emulated group is attached');
    if ((iova & (smallest - 1n)) !== 0n) throw failure('EINVAL', `${hex(iova)} is not aligned`);
    if (all === true) {
      if (iova !== 0n || size !== 0n) throw failure('EINVAL', 'everything has neither address nor size');
    } else if (size === 0n || (size & (smallest - 1n)) !== 0n || iova + size - 1n > LAST_ADDRESS) {
      throw failure('EINVAL', `${size} bytes from ${hex(iova)} are no range`);
    }
    if (dirty !== undefined && (!this.#space.dirty.tracking || dirty.pageSize !== smallest))
      throw failure('EINVAL', 'dirty pages are not tracked, or a bit stands for another size');
  }

  #ask(record: number): void | Promise<void> {
    const { mappings, words, pins } = this.#space;
    const id = words[mappings.word(record, MAPPING.id)];
    this.#requests = id === this.#asked ? this.#requests + 1 : 1;
    this.#asked = id;
    const iova = bytesOf(mappings.start(record));
    const size = bytesOf(mappings.pages(record));
    if (this.#requests <= MOST_REQUESTS) return this.#notify(iova, size);
    const devices = new Set<number>();
    this.#space.within(() =>
      pins.forEach((_page, mapping, slot) => {
        if (mapping === record) devices.add(slot);
      }),
    );
    unanswered.publish({ iova, size, devices: [...devices] });
    throw failure(
      'EDEADLK',
      `devices ${[...devices].join(', ')} keep pages of ${size} bytes from ${hex(iova)} pinned; asked ${MOST_REQUESTS} times`,
    );
  }
}

function failure(code: 'EBUSY' | 'EDEADLK' | 'EINVAL', message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'UNMAP_DMA' });
}
