/**
 * A device's way to guest memory: `device.dma`. Lives on the device's thread, one per device; the framework binds it to
 * the space of the container or ioas that the device uses, the driver's callbacks read, write, pin and unpin.
 * Each call is one section of the space (`address-space.ts`), but for long transfers. Rules: spec/vfio-core 9.6; type1's and an ioas' differ.
 */
import { assertEnd, assertTakesPins, assertTransfer, failure, invalidAddress, unmappedPage } from './access-rules.js';
import type { AddressSpace } from './address-space.js';
import { GROUP, HEADER, RULES, STATE } from './layout.js';
import { bytesOf, hex, type Iova, offsetInPage, PAGE_BYTES, pageOf } from './page.js';
import type { SegmentTable } from './segment-table.js';

/** What a device does with pages that it pins. */
export type PinAccess = 'read' | 'write' | 'read-write';

/** Guest memory as a driver sees it. All methods are synchronous and are called on the device's thread. */
export interface DeviceDma {
  /**
   * Fills `into` from guest memory. Errors: EINVAL (nothing asked for, no container, no mapping), EBUSY (a mapping's
   * user address is being replaced), EPERM (not readable, or its owner is gone), EFAULT (no memory behind the mapping);
   * with an ioas ENOENT (none attached, no mapping), EOVERFLOW, EINVAL (being unmapped).
   */
  read(iova: Iova, into: Uint8Array): void;
  /** As {@link read}, the other way; EPERM also if not writable. What lies before the failing mapping stays written. */
  write(iova: Iova, bytes: Uint8Array): void;
  /**
   * Pins up to 512 pages from the one that contains `iova` on, and returns the pages themselves. Each pin needs an
   * `unpin`; `dmaUnmap` asks for them. All or nothing. Errors: EINVAL (no pages, no container, no `dmaUnmap`, no
   * mapping), E2BIG, EACCES (type1 v1), EBUSY (as above), EPERM (more access than the mapping gives), ENODEV (its owner
   * is gone), EFAULT, ENOMEM (the limit of locked pages); with an ioas as for `read`, EPERM and ENOMEM.
   */
  pin(iova: Iova, pages: number, access: PinAccess): Uint8Array[];
  /** Takes pins back. Pages that this device has not pinned are ignored; a page without mapping ends it with a warning. */
  unpin(iova: Iova, pages: number): void;
}

/**
 * Guest memory that lies in no buffer: whoever has it reads and writes it on request. It cannot be pinned. Its errors are
 * the access's.
 */
export interface RemoteMemory {
  /** Whether all of a range is of this kind, and may be accessed so. */
  holds(iova: Iova, length: number, write: boolean): boolean;
  read(iova: Iova, into: Uint8Array): void;
  write(iova: Iova, bytes: Uint8Array): void;
}

/** What a device's accesses go to. */
export interface DmaBinding {
  readonly space: AddressSpace;
  readonly segments: SegmentTable;
  /** Number of the device, unique among those that use the space. */
  readonly slot: number;
  /** The driver has `dmaUnmap`. */
  readonly unpinsOnRequest: boolean;
  /** What `Type1.attachGroup` said of the device's group; undefined for an emulated one. */
  readonly group?: number | undefined;
  /** The device is emulated hardware behind an IOMMU: no user address, owner or kernel stands in its way. */
  readonly hardware?: boolean | undefined;
}

/** Pages of one `pin`, at most. */
const MOST_PINS = 512;
/** Bytes of a transfer that are copied in one section: a longer one lets others in between. */
const SECTION_BYTES = 1 << 20;
/** Up to so many bytes a loop is faster than a view and its `set`. */
const SMALL = 16;
/** From so many bytes on Buffer's `fill`, which is memcpy, is faster than `set`, which copies shared memory word by word. */
const LARGE = 4096;
const ACCESS: Record<PinAccess, number> = {
  read: STATE.read,
  write: STATE.write,
  'read-write': STATE.read | STATE.write,
};

/** {@link DeviceDma} over an address space. */
export class DeviceAccess implements DeviceDma {
  #binding: DmaBinding | 'unattached' | undefined;
  /** Looked at before what is mapped. Set by `setRemoteMemory`. */
  remote: RemoteMemory | undefined;

  /**
   * Says what accesses go to from now on. `unattached`: bound to an iommufd context but to no ioas (ENOENT);
   * undefined: to nothing (EINVAL). Called by the framework at first open, attach, detach and last close.
   */
  bind(binding: DmaBinding | 'unattached' | undefined): void {
    this.#binding = binding;
  }

  read(iova: Iova, into: Uint8Array): void {
    if (this.remote?.holds(iova, into.length, false) === true) return this.remote.read(iova, into);
    this.#transfer(iova, into, false);
  }

  write(iova: Iova, bytes: Uint8Array): void {
    if (this.remote?.holds(iova, bytes.length, true) === true) return this.remote.write(iova, bytes);
    this.#transfer(iova, bytes, true);
  }

  pin(iova: Iova, pages: number, access: PinAccess): Uint8Array[] {
    if (!(Number.isInteger(pages) && pages > 0)) throw failure('EINVAL', 'pin', `${pages} pages`);
    const binding = this.#bound('pin');
    const { space } = binding;
    if (!binding.unpinsOnRequest) throw failure('EINVAL', 'pin', 'the driver has no dmaUnmap');
    const start = pageOf(iova);
    const ioas = space.rules === RULES.ioas;
    if (ioas) assertEnd(iova, bytesOf(pages - 1), 'pin');
    else if (pages > MOST_PINS) throw failure('E2BIG', 'pin', `${pages} pages; at most ${MOST_PINS} at once`);
    else if (space.rules === RULES.type1v1) throw failure('EACCES', 'pin', 'type1 v1 has no pins');
    space.enter();
    const pinned: Uint8Array[] = [];
    try {
      if (!ioas) assertTakesPins(space);
      for (let i = 0; i < pages; i++) pinned.push(pinPage(binding, start + i, ACCESS[access]));
      markGroup(binding);
      return pinned;
    } catch (error) {
      for (let i = 0; i < pinned.length; i++) space.pins.drop(start + i, binding.slot);
      throw error;
    } finally {
      space.leave();
    }
  }

  unpin(iova: Iova, pages: number): void {
    const binding = this.#bound('unpin');
    const { space, slot } = binding;
    const start = pageOf(iova);
    space.enter();
    let unmapped = -1;
    try {
      for (let page = start; page < start + pages && unmapped === -1; page++) {
        if (space.mappings.find(page) === -1) unmapped = page;
        else space.pins.drop(page, slot);
      }
    } finally {
      space.leave();
    }
    if (unmapped === -1) return;
    process.emitWarning(`page ${hex(bytesOf(unmapped))} is to be unpinned but not mapped`, {
      code: 'MEDIATED_UNPIN',
    });
  }

  #transfer(iova: Iova, bytes: Uint8Array, write: boolean): void {
    if (bytes.length === 0) throw failure('EINVAL', 'dma', 'no bytes');
    const binding = this.#bound('dma');
    const { space, segments } = binding;
    const { mappings } = space;
    const rules = { ioas: space.rules === RULES.ioas, hardware: binding.hardware === true };
    if (rules.ioas) assertEnd(iova, BigInt(bytes.length) - 1n, 'dma');
    let page = pageOf(iova);
    let offset = offsetInPage(iova);
    for (let done = 0; done < bytes.length; ) {
      const end = Math.min(bytes.length, done + SECTION_BYTES);
      space.enter();
      try {
        if (!rules.ioas && space.words[HEADER.invalid] !== 0 && !rules.hardware) throw invalidAddress();
        while (done < end) {
          const record = mappings.find(page);
          if (record === -1) throw unmappedPage(page, rules.ioas, 'dma');
          assertTransfer(mappings.state(record), write, rules);
          const segment = segments.find(mappings.segment(record));
          if (segment === undefined) throw failure('EFAULT', 'dma', 'there is no memory behind the mapping');
          const inMapping = (page - mappings.start(record)) * PAGE_BYTES + offset;
          const count = Math.min(end - done, mappings.pages(record) * PAGE_BYTES - inMapping);
          const at = mappings.memory(record) + inMapping;
          if (write) {
            copy(bytes, done, segment, at, count);
            markDirty(space, record, inMapping, count);
          } else {
            copy(segment, at, bytes, done, count);
          }
          done += count;
          page += Math.floor((offset + count) / PAGE_BYTES);
          offset = (offset + count) % PAGE_BYTES;
        }
      } finally {
        space.leave();
      }
    }
  }

  #bound(call: string): DmaBinding {
    const binding = this.#binding;
    if (binding === undefined) throw failure('EINVAL', call, 'the device is not open, or has no container');
    if (binding === 'unattached') throw failure('ENOENT', call, 'the device is attached to no ioas');
    return binding;
  }
}

function copy(from: Uint8Array, at: number, to: Uint8Array, position: number, count: number): void {
  if (count >= LARGE) {
    Buffer.prototype.fill.call(to, from.subarray(at, at + count), position, position + count);
    return;
  }
  if (count > SMALL) {
    to.set(from.subarray(at, at + count), position);
    return;
  }
  for (let i = 0; i < count; i++) to[position + i] = from[at + i];
}

function markDirty(space: AddressSpace, record: number, from: number, count: number): void {
  if (!space.dirty.tracking) return;
  const first = Math.floor(from / PAGE_BYTES);
  space.dirty.set(record, first, Math.floor((from + count - 1) / PAGE_BYTES) - first + 1);
}

/** A group's first pin says that it pins what it makes dirty. In the section. */
function markGroup({ space, group }: DmaBinding): void {
  if (group === undefined) return;
  const word = HEADER.groups + group;
  if (space.words[word] === GROUP.unpinned) space.words[word] = GROUP.pinned;
}

/** One page, pinned or refused. In the section. */
function pinPage(binding: DmaBinding, page: number, access: number): Uint8Array {
  const { space, segments, slot } = binding;
  const { mappings, pins } = space;
  const ioas = space.rules === RULES.ioas;
  const record = mappings.find(page);
  if (record === -1) throw unmappedPage(page, ioas, 'pin');
  const state = mappings.state(record);
  if (ioas && (state & STATE.blocked) !== 0) throw failure('EINVAL', 'pin', 'the mapping is being removed');
  // An ioas asks for the right to write only, as the kernel's does.
  if (((ioas ? access & STATE.write : access) & ~state) !== 0) {
    throw failure('EPERM', 'pin', 'the mapping does not give that access');
  }
  const first = !pins.isPinned(page);
  if (first && (state & STATE.orphan) !== 0) throw failure('ENODEV', 'pin', 'the owner of the mapping is gone');
  const segment = segments.find(mappings.segment(record));
  if (segment === undefined) throw failure('EFAULT', 'pin', 'there is no memory behind the mapping');
  if (first && (state & STATE.mapped) === 0 && space.wouldPassLimit(1)) {
    throw failure('ENOMEM', 'pin', 'the limit of locked pages is reached');
  }
  if (!pins.add(page, slot, record)) throw failure('ENOMEM', 'pin', 'no room for another pinned page');
  const inMapping = page - mappings.start(record);
  if (first) space.dirty.set(record, inMapping, 1);
  const at = mappings.memory(record) + inMapping * PAGE_BYTES;
  return segment.subarray(at, at + PAGE_BYTES);
}
