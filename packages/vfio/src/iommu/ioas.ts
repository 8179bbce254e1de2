/**
 * An I/O address space of an iommufd context (spec/vfio-core 6.4, end of 9.6), on the control thread. The same shared
 * memory as a container's, other rules: areas are removed whole and only whole, holes are ENOENT, an area under unmap
 * takes no new access. Devices reach it through the same `DeviceDma`.
 */
import { MediatedError } from '@mediated/core';
import type { LockSpace } from '@mediated/core/sync';
import { AddressSpace, type AddressSpaceOptions } from './address-space.js';
import type { DmaClient } from './client-memory.js';
import { HEADER, STATE } from './layout.js';
import { MappingWriter } from './mapping-writer.js';
import { bytesOf, hex, LAST_ADDRESS, PAGE_BYTES, pageOf, pagesOf, SPACE_PAGES } from './page.js';
import { type SegmentAudience, SharedSegments } from './shared-segments.js';
import type { Notify } from './type1-unmap.js';

/** Options of {@link Ioas}. */
export interface IoasOptions extends Omit<AddressSpaceOptions, 'rules'> {
  /** Has `dmaUnmap` of every device that is attached called, and waits until all have returned. */
  readonly notify: Notify;
  readonly audience: SegmentAudience;
}

/** What a program maps. */
export interface IoasMapRequest {
  readonly vaddr: bigint;
  readonly length: bigint;
  /** Where; absent: at the lowest address with room for it. */
  readonly iova?: bigint | undefined;
  readonly readable?: boolean | undefined;
  readonly writeable?: boolean | undefined;
}

/** So often devices are asked in vain to unpin an area. */
const MOST_REQUESTS = 101;

/** An ioas. */
export class Ioas {
  readonly space: AddressSpace;
  readonly segments: SharedSegments;
  readonly #writer: MappingWriter;
  readonly #notify: Notify;
  readonly #locks: LockSpace;

  constructor(options: IoasOptions) {
    this.space = AddressSpace.create({ ...options, rules: 'ioas' });
    this.segments = new SharedSegments(options.audience);
    this.#writer = new MappingWriter(this.space);
    this.#notify = options.notify;
    this.#locks = options.locks;
  }

  /**
   * Maps memory and returns its iova; a promise while memory is handed to threads. EINVAL (nothing asked for, not
   * aligned, neither readable nor writeable), EOVERFLOW (the range wraps), EEXIST, ENOSPC (no room, too many areas),
   * EFAULT and ENOMEM (a domain cannot pin it).
   */
  map(client: DmaClient, request: IoasMapRequest): bigint | Promise<bigint> {
    const { vaddr, length, iova = 0n, readable = false, writeable = false } = request;
    if (vaddr + length > LAST_ADDRESS || iova + length > LAST_ADDRESS + 1n)
      throw failure('EOVERFLOW', 'the range wraps');
    if (!readable && !writeable) throw failure('EINVAL', 'neither readable nor writeable');
    if (length === 0n || ((vaddr | length | iova) & BigInt(PAGE_BYTES - 1)) !== 0n)
      throw failure('EINVAL', `addresses and lengths are multiples of ${PAGE_BYTES}`);
    const memory = client.resolve(vaddr, length);
    const segment = memory === undefined ? undefined : this.segments.acquire(memory);
    const place = {
      pages: pagesOf(length),
      vaddr: pageOf(vaddr),
      owner: client.owner,
      segment: segment?.id ?? 0,
      memory: memory?.offset ?? 0,
      access: (readable ? STATE.read : 0) | (writeable ? STATE.write : 0),
    };
    const finish = () => {
      try {
        return this.space.within(() => this.#insert(place, request.iova));
      } catch (error) {
        this.segments.release(place.segment);
        throw error;
      }
    };
    return segment?.sharing === undefined ? finish() : segment.sharing.then(finish);
  }

  /**
   * Unmaps whole areas; returns how many bytes. ENOENT (nothing there, or the range cuts an area; those before it are
   * gone), EINVAL (no length, not aligned), EOVERFLOW, EDEADLK (devices do not unpin; the area takes no new access).
   */
  unmap(iova: bigint, length: bigint): bigint | Promise<bigint> {
    if (length === 0n || ((iova | length) & BigInt(PAGE_BYTES - 1)) !== 0n)
      throw failure('EINVAL', `${length} bytes from ${hex(iova)} are no range of pages`);
    if (iova + length - 1n > LAST_ADDRESS) throw failure('EOVERFLOW', 'the range wraps');
    return this.#unmap(pageOf(iova), pageOf(iova) + pagesOf(length), 0, 0);
  }

  /** Unmaps everything; 0 if there was nothing. EDEADLK as {@link unmap}. */
  unmapAll(): bigint | Promise<bigint> {
    if (this.space.mappings.count === 0) return 0n;
    return this.#unmap(0, SPACE_PAGES, 0, 0);
  }

  /** A device of a physical group is attached: everything is pinned from now on. EFAULT, ENOMEM: nothing is changed. */
  addDomain(): void {
    const { mappings, words } = this.space;
    this.space.within(() => {
      if (words[HEADER.domains] === 0) {
        let wanted = 0;
        for (let position = 0; position < mappings.count; position++) {
          const record = mappings.at(position);
          wanted += this.#writer.unpinnedPages(record);
          this.#writer.assertPinnable(mappings.segment(record), wanted);
        }
        for (let position = 0; position < mappings.count; position++) this.#writer.pinWhole(mappings.at(position));
      }
      words[HEADER.domains]++;
    });
  }

  /** It is detached; with the last one, what is not pinned otherwise is unpinned. */
  removeDomain(): void {
    const { mappings, words } = this.space;
    this.space.within(() => {
      words[HEADER.domains]--;
      if (words[HEADER.domains] > 0) return;
      for (let position = 0; position < mappings.count; position++) this.#writer.unpinWhole(mappings.at(position));
    });
  }

  /** A device is detached, or has died: what it left pinned is unpinned. */
  removeDevice(slot: number): void {
    this.space.within(() => this.space.pins.dropSlot(slot));
  }

  /** Removes everything and gives the space's lock back. No thread uses the space any more. */
  close(): void {
    this.#release(this.space.within(() => this.#writer.removeAll()));
    this.space.free(this.#locks);
  }

  #insert(fields: Omit<Parameters<MappingWriter['insert']>[0], 'start'>, iova: bigint | undefined): bigint {
    const { mappings, words } = this.space;
    const start = iova === undefined ? this.#lowestRoom(fields.pages) : pageOf(iova);
    if (mappings.overlaps(start, fields.pages))
      throw failure('EEXIST', `something is mapped at ${hex(bytesOf(start))}`);
    if (mappings.count >= words[HEADER.entries]) throw failure('ENOSPC', `${mappings.count} areas exist`);
    this.#writer.insert({ ...fields, start });
    return bytesOf(start);
  }

  #lowestRoom(pages: number): number {
    const { mappings } = this.space;
    let free = 0;
    for (let position = 0; position < mappings.count; position++) {
      const record = mappings.at(position);
      if (mappings.start(record) - free >= pages) return free;
      free = mappings.end(record);
    }
    if (SPACE_PAGES - free >= pages) return free;
    throw failure('ENOSPC', `no room for ${pages} pages`);
  }

  #unmap(start: number, end: number, unmapped: number, requests: number): bigint | Promise<bigint> {
    let [from, done, asked] = [start, unmapped, requests];
    for (;;) {
      const pass = this.space.within(() => this.#pass(from, end));
      this.#release(pass.segments);
      done += pass.pages;
      if (pass.cut) throw failure('ENOENT', 'the range cuts an area');
      if (pass.pinned === -1) {
        if (done === 0) throw failure('ENOENT', `nothing is mapped from ${hex(bytesOf(start))} on`);
        return bytesOf(done);
      }
      const { mappings } = this.space;
      const area = mappings.start(pass.pinned);
      if (area !== from) asked = 0;
      if (++asked > MOST_REQUESTS)
        throw failure(
          'EDEADLK',
          `devices keep pages from ${hex(bytesOf(area))} on pinned; asked ${MOST_REQUESTS} times`,
        );
      from = area;
      const answered = this.#notify(bytesOf(area), bytesOf(mappings.pages(pass.pinned)));
      if (answered !== undefined) return answered.then(() => this.#unmap(from, end, done, asked));
    }
  }

  /** Removes areas up to one that is pinned, or cut by the range. In the section. */
  #pass(start: number, end: number) {
    const { mappings, pins } = this.space;
    const first = mappings.firstEndingAfter(start);
    let position = first;
    let pages = 0;
    let pinned = -1;
    let cut = false;
    for (; position < mappings.count && pinned === -1 && !cut; position++) {
      const record = mappings.at(position);
      if (mappings.start(record) >= end) break;
      cut = mappings.start(record) < start || mappings.end(record) > end;
      if (!cut && pins.inMapping(record) > 0) pinned = record;
      if (cut || pinned !== -1) break;
      pages += mappings.pages(record);
    }
    if (pinned !== -1) mappings.setState(pinned, STATE.blocked, true);
    return { pages, pinned, cut, segments: position === first ? [] : this.#writer.remove(first, position - first) };
  }

  #release(segments: readonly number[]): void {
    for (const segment of segments) this.segments.release(segment);
  }
}

function failure(
  code: 'EDEADLK' | 'EEXIST' | 'EINVAL' | 'ENOENT' | 'ENOSPC' | 'EOVERFLOW',
  message: string,
): MediatedError {
  return new MediatedError(code, message, { syscall: 'ioas' });
}
