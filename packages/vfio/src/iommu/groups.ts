/**
 * The groups of a type1 container (spec/vfio-core 9.7): emulated ones, which only pin, and physical ones, whose IOMMU
 * domains map everything. Private to the control thread; shared words are written in the space's section.
 */
import { MediatedError } from '@mediated/core';
import type { AddressSpace } from './address-space.js';
import { clip, exclude, holds, type IovaRange } from './iova-ranges.js';
import { GROUP, HEADER, MOST_GROUPS, STATE } from './layout.js';
import type { MappingWriter } from './mapping-writer.js';
import { LAST_ADDRESS, PAGE_BYTES, pageOf } from './page.js';

/** A group of devices that reach memory through `DeviceDma` only. */
export interface EmulatedGroup {
  readonly id: number;
  readonly kind: 'emulated';
}

/** A group of devices behind an IOMMU, and what that IOMMU is like. */
export interface PhysicalGroup {
  readonly id: number;
  readonly kind: 'physical';
  /** One bit per page size that it can map. */
  readonly pageSizes: bigint;
  readonly aperture: IovaRange;
  /** Ranges that devices use otherwise; relaxable ones may be mapped all the same. */
  readonly reserved: readonly (IovaRange & { readonly relaxable?: boolean })[];
  /** DMA is coherent with caches, and that can be enforced. */
  readonly coherent: boolean;
  /** A device cannot raise other devices' interrupts. */
  readonly isolatedInterrupts: boolean;
  /** Which IOMMU driver: groups of one driver with equal coherency share a domain. */
  readonly driver: string;
}

export type DmaGroup = EmulatedGroup | PhysicalGroup;

interface Domain {
  readonly driver: string;
  readonly coherent: boolean;
  readonly members: Map<number, { readonly group: PhysicalGroup; readonly word: number }>;
}

/** The groups of one container. */
export class Groups {
  readonly #space: AddressSpace;
  readonly #writer: MappingWriter;
  readonly #allowUnsafeInterrupts: boolean;
  readonly #emulated = new Set<number>();
  readonly #domains: Domain[] = [];
  /** What may be mapped; empty: everything, for there is no domain. */
  ranges: readonly IovaRange[] = [];

  constructor(space: AddressSpace, writer: MappingWriter, allowUnsafeInterrupts: boolean) {
    this.#space = space;
    this.#writer = writer;
    this.#allowUnsafeInterrupts = allowUnsafeInterrupts;
  }

  get hasEmulated(): boolean {
    return this.#emulated.size > 0;
  }

  /** All domains enforce coherent DMA; true if there is none. */
  get coherent(): boolean {
    return this.#domains.every(({ coherent }) => coherent);
  }

  /** One bit per page size: what all domains can map; what is smaller than a page stands for a page. */
  get pageSizes(): bigint {
    let sizes = LAST_ADDRESS;
    for (const { group } of this.#members()) sizes &= group.pageSizes;
    const small = sizes & BigInt(PAGE_BYTES - 1);
    return small === 0n ? sizes : (sizes & ~BigInt(PAGE_BYTES - 1)) | BigInt(PAGE_BYTES);
  }

  /** True while a group with a domain has pinned nothing itself: then all that is mapped may be dirty. In the section. */
  get mayDirtyAll(): boolean {
    return this.#members().some(({ word }) => this.#space.words[word] === GROUP.unpinned);
  }

  /**
   * Adds a group. Returns what `DmaBinding.group` of its devices is to be. EBUSY (an invalid user address), EINVAL (there
   * already; aperture or reserved ranges do not go with what is mapped; nothing left to map), EPERM (interrupts are not
   * isolated), EFAULT and ENOMEM (what is mapped cannot be pinned), ENOSPC (too many groups). Nothing is left of a failure.
   */
  attach(group: DmaGroup): number | undefined {
    if (this.#space.words[HEADER.invalid] !== 0) throw failure('EBUSY', 'the user address of a mapping is invalid');
    if (this.#emulated.has(group.id) || this.#members().some((member) => member.group.id === group.id))
      throw failure('EINVAL', `group ${group.id} is attached already`);
    if (group.kind === 'physical') return this.#attachPhysical(group);
    this.#emulated.add(group.id);
    return undefined;
  }

  /** Takes a group out. Returns the segments that are no longer named. Does nothing for a group that is not there. */
  detach(id: number): number[] {
    if (this.#emulated.delete(id)) {
      return this.hasEmulated || this.#domains.length > 0 ? [] : this.#writer.removeAll();
    }
    const domain = this.#domains.find(({ members }) => members.has(id));
    const member = domain?.members.get(id);
    if (domain === undefined || member === undefined) return [];
    const promoted = this.#space.words[member.word] === GROUP.unpinned;
    this.#space.words[member.word] = GROUP.free;
    domain.members.delete(id);
    const released = domain.members.size === 0 ? this.#dropDomain(domain) : [];
    this.ranges = this.#computeRanges();
    if (promoted) this.#eachMapped((record) => this.#space.dirty.setAll(record));
    return released;
  }

  #attachPhysical(group: PhysicalGroup): number {
    const ranges = this.#rangesWith(group);
    if (!group.isolatedInterrupts && !this.#allowUnsafeInterrupts)
      throw failure('EPERM', `group ${group.id} has no isolated interrupts`);
    const index = this.#freeWord();
    const shared = this.#domains.find((d) => d.driver === group.driver && d.coherent === group.coherent);
    if (shared === undefined && this.#domains.length === 0) this.#pinAll();
    const domain = shared ?? { driver: group.driver, coherent: group.coherent, members: new Map() };
    if (shared === undefined) this.#domains.push(domain);
    this.#space.words[HEADER.domains] = this.#domains.length;
    this.#space.words[HEADER.groups + index] = GROUP.unpinned;
    domain.members.set(group.id, { group, word: HEADER.groups + index });
    this.ranges = ranges;
    return index;
  }

  /** What may be mapped with `group`; EINVAL if that does not go with what is mapped. */
  #rangesWith(group: PhysicalGroup): readonly IovaRange[] {
    const { aperture } = group;
    const first = this.ranges[0];
    const last = this.ranges[this.ranges.length - 1];
    const clipped = first === undefined ? [aperture] : clip(this.ranges, aperture);
    if (clipped.length === 0) throw failure('EINVAL', 'the aperture has nothing in common with what may be mapped');
    if (first !== undefined && last !== undefined) {
      if (aperture.start > first.start) this.#assertUnmapped({ start: first.start, last: aperture.start - 1n });
      if (aperture.last < last.last) this.#assertUnmapped({ start: aperture.last + 1n, last: last.last });
    }
    const holes = group.reserved.filter(({ relaxable }) => relaxable !== true);
    for (const hole of holes) this.#assertUnmapped(hole);
    const ranges = holes.reduce(exclude, clipped);
    if (ranges.length === 0) throw failure('EINVAL', 'the reserved ranges leave nothing to map');
    return ranges;
  }

  #assertUnmapped(range: IovaRange): void {
    const start = pageOf(range.start);
    if (this.#space.mappings.overlaps(start, pageOf(range.last) - start + 1))
      throw failure('EINVAL', 'a mapping lies where this group can have none');
  }

  /** The first domain: everything that is mapped is pinned, or nothing is. */
  #pinAll(): void {
    const { mappings } = this.#space;
    let wanted = 0;
    for (let position = 0; position < mappings.count; position++) {
      const record = mappings.at(position);
      wanted += this.#writer.unpinnedPages(record);
      this.#writer.assertPinnable(mappings.segment(record), wanted);
    }
    for (let position = 0; position < mappings.count; position++) this.#writer.pinWhole(mappings.at(position));
  }

  #dropDomain(domain: Domain): number[] {
    this.#domains.splice(this.#domains.indexOf(domain), 1);
    this.#space.words[HEADER.domains] = this.#domains.length;
    if (this.#domains.length > 0) return [];
    if (!this.hasEmulated) return this.#writer.removeAll();
    this.#eachMapped((record) => this.#writer.unpinWhole(record));
    return [];
  }

  #eachMapped(visit: (record: number) => void): void {
    const { mappings } = this.#space;
    for (let position = 0; position < mappings.count; position++) {
      const record = mappings.at(position);
      if ((mappings.state(record) & STATE.mapped) !== 0) visit(record);
    }
  }

  #computeRanges(): readonly IovaRange[] {
    const members = this.#members();
    const first = members[0];
    if (first === undefined) return [];
    const whole: readonly IovaRange[] = [first.group.aperture];
    const clipped = members.reduce((ranges, { group }) => clip(ranges, group.aperture), whole);
    const holes = members.flatMap(({ group }) => group.reserved.filter(({ relaxable }) => relaxable !== true));
    return holes.reduce(exclude, clipped);
  }

  /** True if the range may be mapped. */
  allows(range: IovaRange): boolean {
    return this.ranges.length === 0 || holds(this.ranges, range);
  }

  #members() {
    return this.#domains.flatMap(({ members }) => [...members.values()]);
  }

  #freeWord(): number {
    for (let index = 0; index < MOST_GROUPS; index++) {
      if (this.#space.words[HEADER.groups + index] === GROUP.free) return index;
    }
    throw failure('ENOSPC', `${MOST_GROUPS} groups are attached`);
  }
}

function failure(code: 'EBUSY' | 'EINVAL' | 'EPERM' | 'ENOSPC', message: string): MediatedError {
  return new MediatedError(code, message, { syscall: 'attach group' });
}
