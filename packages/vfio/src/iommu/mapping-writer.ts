/**
 * What both kinds of IOMMU do to mappings, on the control thread, in the space's section: put one down, take some out,
 * pin one as a whole for the domains of physical groups. Locked pages are accounted here for whole mappings, in
 * `pin-table.ts` for single pages.
 */
import { MediatedError } from '@mediated/core';
import type { AddressSpace } from './address-space.js';
import { HEADER, STATE } from './layout.js';
import type { MappingFields } from './mapping-table.js';

/** The control thread's hand on a space. */
export class MappingWriter {
  readonly #space: AddressSpace;

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  get hasDomains(): boolean {
    return this.#space.words[HEADER.domains] !== 0;
  }

  /**
   * Adds a mapping, pinned as a whole if there is a domain; all or nothing. EFAULT (a domain, but no memory behind it),
   * ENOMEM (limit of locked pages, no room for dirty bits), EINVAL (too large for dirty tracking).
   */
  insert(fields: MappingFields): void {
    const { mappings, dirty } = this.#space;
    if (this.hasDomains) this.assertPinnable(fields.segment, fields.pages);
    const record = mappings.insert(fields);
    if (this.hasDomains) this.pinWhole(record);
    if (!dirty.tracking) return;
    try {
      dirty.allocate(record);
    } catch (error) {
      this.remove(mappings.firstEndingAfter(fields.start), 1);
      throw error;
    }
  }

  /**
   * Takes `count` neighbours out, with what devices had pinned of them. Returns the segments that are no longer named,
   * each as often as it was: to be released outside the section.
   */
  remove(position: number, count: number): number[] {
    const { mappings, pins } = this.#space;
    const segments: number[] = [];
    for (let i = 0; i < count; i++) {
      const record = mappings.at(position + i);
      if ((mappings.state(record) & STATE.mapped) !== 0) this.unpinWhole(record);
      pins.dropMapping(record);
      segments.push(mappings.segment(record));
    }
    mappings.removeRun(position, count);
    return segments;
  }

  /** Takes all mappings out, as {@link remove}. */
  removeAll(): number[] {
    return this.remove(0, this.#space.mappings.count);
  }

  /** EFAULT or ENOMEM if a mapping of `segment` can not be pinned as a whole. */
  assertPinnable(segment: number, pages: number): void {
    if (segment === 0) throw new MediatedError('EFAULT', 'there is no memory behind the user address');
    if (this.#space.wouldPassLimit(pages))
      throw new MediatedError('ENOMEM', `${pages} pages more pass the limit of locked pages`);
  }

  /** Pages that pinning a mapping as a whole adds to those that devices have pinned of it. */
  unpinnedPages(record: number): number {
    return this.#space.mappings.pages(record) - this.#space.pins.distinctPages(record);
  }

  /** Pins a mapping as a whole. */
  pinWhole(record: number): void {
    this.#space.addLockedPages(this.unpinnedPages(record));
    this.#space.mappings.setState(record, STATE.mapped, true);
  }

  /** Leaves of a mapping that was pinned as a whole what devices have pinned. */
  unpinWhole(record: number): void {
    this.#space.addLockedPages(-this.unpinnedPages(record));
    this.#space.mappings.setState(record, STATE.mapped, false);
  }
}
