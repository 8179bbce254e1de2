/** DIRTY_PAGES (spec/vfio-core 9.8) on the control thread: what a program asks of the dirty bits of a container. */
import { MediatedError } from '@mediated/core';
import type { AddressSpace } from './address-space.js';
import type { Groups } from './groups.js';
import { STATE } from './layout.js';
import { hex, LAST_ADDRESS, pageOf, pagesOf } from './page.js';

/** The largest bitmap, in bytes. */
export const MOST_BITMAP_BYTES = 268_435_456n;

/** Where a program wants its bits: one per page of `pageSize` bytes, `size` bytes in all. */
export interface BitmapTarget {
  readonly pageSize: bigint;
  readonly size: bigint;
  /** The bitmap; throws EFAULT if there is no memory. Called when there is something to write. */
  memory(): Uint8Array;
}

/** EINVAL unless a bitmap has a bit for each page of a range, and is none too large. */
export function assertCovers(target: BitmapTarget, range: bigint): void {
  const { pageSize, size } = target;
  const pages = pageSize === 0n ? 0n : range / (pageSize & -pageSize);
  if (pages > 0n && size > 0n && size <= MOST_BITMAP_BYTES && size >= ((pages + 63n) / 64n) * 8n) return;
  throw failure('EINVAL', `a bitmap of ${size} bytes for ${pages} pages`);
}

/** The dirty pages of one container. */
export class DirtyTracking {
  readonly #space: AddressSpace;
  readonly #groups: Groups;

  constructor(space: AddressSpace, groups: Groups) {
    this.#space = space;
    this.#groups = groups;
  }

  start(): void {
    this.#assertVersion2();
    const { dirty } = this.#space;
    this.#space.within(() => {
      if (!dirty.tracking) dirty.start();
    });
  }

  stop(): void {
    this.#assertVersion2();
    const { dirty } = this.#space;
    this.#space.within(() => {
      if (dirty.tracking) dirty.stop();
    });
  }

  report(iova: bigint, size: bigint, target: BitmapTarget): void {
    this.#assertVersion2();
    if (size > 0n && iova + size > LAST_ADDRESS) throw failure('EINVAL', 'the range wraps');
    assertCovers(target, size);
    const smallest = this.#groups.pageSizes & -this.#groups.pageSizes;
    if (target.pageSize !== smallest) throw failure('EINVAL', `a bit stands for ${smallest} bytes`);
    if (((iova | size) & (smallest - 1n)) !== 0n || size === 0n) throw failure('EINVAL', 'the range is not aligned');
    this.#space.within(() => this.#report(pageOf(iova), pagesOf(size), target));
  }

  #report(start: number, pages: number, target: BitmapTarget): void {
    const { mappings, dirty } = this.#space;
    if (!dirty.tracking) throw failure('EINVAL', 'tracking is off');
    assertNotBisecting(this.#space, start, start + pages);
    const reported = new Set<number>();
    for (let position = mappings.firstEndingAfter(start); position < mappings.count; position++) {
      const record = mappings.at(position);
      if (mappings.start(record) >= start + pages) break;
      reportMapping(this.#space, this.#groups, record, start, target);
      dirty.clear(record);
      reported.add(record);
    }
    if (reported.size > 0) dirty.populate((record) => reported.has(record));
  }

  #assertVersion2(): void {
    if (!this.#space.version2) throw failure('EACCES', 'type1 v1 does not track dirty pages');
  }
}

/** Writes the bits of one mapping into a bitmap whose bit 0 stands for page `start`. In the section. */
export function reportMapping(
  space: AddressSpace,
  groups: Groups,
  record: number,
  start: number,
  target: BitmapTarget,
): void {
  const { mappings, dirty } = space;
  if (groups.mayDirtyAll && (mappings.state(record) & STATE.mapped) !== 0) dirty.setAll(record);
  dirty.report(record, mappings.start(record) - start, target.memory());
}

/** EINVAL if one end of a range of pages lies inside a mapping. In the section. */
export function assertNotBisecting(space: AddressSpace, start: number, end: number): void {
  const { mappings } = space;
  const first = mappings.find(start);
  const last = mappings.find(end - 1);
  if ((first === -1 || mappings.start(first) === start) && (last === -1 || mappings.end(last) === end)) return;
  throw failure('EINVAL', `the range from ${hex(BigInt(start) * 4096n)} cuts a mapping`);
}

function failure(code: 'EACCES' | 'EINVAL', message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'DIRTY_PAGES' });
}
