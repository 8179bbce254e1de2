/**
 * Dirty pages: one bit per page of each mapping that has memory behind it, while tracking is on. All methods are called
 * in the space's section. `set` by any thread of the space; the others by the control thread, which alone hands out
 * places for the bits: one behind the other, and from the beginning again where mappings that went have left room.
 */
import { MediatedError } from '@mediated/core';
import { HEADER, MAPPING, type SpaceMemory } from './layout.js';
import type { MappingTable } from './mapping-table.js';
import type { PinTable } from './pin-table.js';

/** The most pages of one mapping that can be tracked: the kernel's. */
const MOST_PAGES = 2 ** 31 - 1;

/** The dirty bits of a space. */
export class DirtyLog {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #memory: SpaceMemory;
  readonly #mappings: MappingTable;
  readonly #pins: PinTable;

  constructor(memory: SpaceMemory, mappings: MappingTable, pins: PinTable) {
    this.#words = memory.words;
    this.#memory = memory;
    this.#mappings = mappings;
    this.#pins = pins;
  }

  get tracking(): boolean {
    return this.#words[HEADER.tracking] !== 0;
  }

  /** Begins tracking: the pages that are pinned now count as dirty. EINVAL: a mapping is too large; ENOMEM. */
  start(): void {
    const mappings = this.#mappings;
    this.#words[HEADER.dirtyTop] = 0;
    try {
      for (let position = 0; position < mappings.count; position++) this.allocate(mappings.at(position));
    } catch (error) {
      this.stop();
      throw error;
    }
    this.#words[HEADER.tracking] = 1;
    this.populate(() => true);
  }

  /** Ends tracking and forgets all bits. */
  stop(): void {
    const mappings = this.#mappings;
    this.#words[HEADER.tracking] = 0;
    for (let position = 0; position < mappings.count; position++)
      this.#words[mappings.word(mappings.at(position), MAPPING.dirty)] = 0;
    this.#words[HEADER.dirtyTop] = 0;
  }

  /**
   * Gives a mapping clean bits, if it has (or is about to have) memory that could become dirty. EINVAL: it is too large;
   * ENOMEM.
   */
  allocate(record: number, segment: number = this.#mappings.segment(record)): void {
    const pages = this.#mappings.pages(record);
    if (pages > MOST_PAGES)
      throw new MediatedError('EINVAL', `a mapping of ${pages} pages is too large for dirty tracking`);
    if (segment === 0) return;
    const size = Math.ceil(pages / 32);
    const at = this.#place(size);
    const first = this.#memory.plan.dirty + at;
    this.#words.fill(0, first, first + size);
    this.#words[this.#mappings.word(record, MAPPING.dirty)] = at + 1;
  }

  /** Marks `count` pages of a mapping from its page `first` on. Does nothing while tracking is off. */
  set(record: number, first: number, count: number): void {
    const bits = this.#bitsOf(record);
    if (bits === -1) return;
    for (let page = first; page < first + count; page++) this.#words[bits + (page >>> 5)] |= 1 << (page & 31);
  }

  /** Marks all pages of a mapping. */
  setAll(record: number): void {
    this.set(record, 0, this.#mappings.pages(record));
  }

  /** Marks no page of a mapping. */
  clear(record: number): void {
    const bits = this.#bitsOf(record);
    if (bits !== -1) this.#words.fill(0, bits, bits + Math.ceil(this.#mappings.pages(record) / 32));
  }

  /** Marks the pages that are pinned, of the mappings that are chosen. */
  populate(chosen: (record: number) => boolean): void {
    this.#pins.forEach((page, record) => {
      if (chosen(record)) this.set(record, page - this.#mappings.start(record), 1);
    });
  }

  /**
   * Writes a mapping's bits into a bitmap whose bit `shift` stands for its first page. As the kernel does, in 64-bit
   * words: bits of the first word below `shift` stay, those of the last word behind the mapping become 0.
   */
  report(record: number, shift: number, bitmap: Uint8Array): void {
    const pages = this.#mappings.pages(record);
    const view = new DataView(bitmap.buffer, bitmap.byteOffset, bitmap.byteLength);
    const bits = this.#bitsOf(record);
    const first = Math.floor(shift / 64) * 2;
    const last = Math.ceil((shift + pages) / 64) * 2;
    const skew = shift - first * 32;
    const source = (word: number) => (bits === -1 || word < 0 || word * 32 >= pages ? 0 : this.#words[bits + word]);
    for (let word = first; word < last && word * 4 + 4 <= bitmap.byteLength; word++) {
      const from = word - first - (skew >>> 5);
      const low = skew & 31;
      const value = low === 0 ? source(from) : (source(from) << low) | (source(from - 1) >>> (32 - low));
      const keptBits = Math.min(32, Math.max(0, skew - (word - first) * 32));
      const kept = keptBits === 32 ? -1 : (1 << keptBits) - 1;
      view.setInt32(word * 4, value | (view.getInt32(word * 4, true) & kept), true);
    }
  }

  #bitsOf(record: number): number {
    const at = this.#words[this.#mappings.word(record, MAPPING.dirty)];
    return at === 0 ? -1 : this.#memory.plan.dirty + at - 1;
  }

  #place(size: number): number {
    const words = this.#words;
    const top = words[HEADER.dirtyTop];
    if (top + size <= words[HEADER.dirtyCapacity]) {
      words[HEADER.dirtyTop] = top + size;
      return top;
    }
    const gap = this.#gap(size);
    if (gap !== -1) return gap;
    throw new MediatedError('ENOMEM', `no room for dirty bits of ${size * 32} pages`);
  }

  #gap(size: number): number {
    const taken: { at: number; size: number }[] = [];
    for (let position = 0; position < this.#mappings.count; position++) {
      const record = this.#mappings.at(position);
      const at = this.#words[this.#mappings.word(record, MAPPING.dirty)];
      if (at !== 0) taken.push({ at: at - 1, size: Math.ceil(this.#mappings.pages(record) / 32) });
    }
    taken.sort((a, b) => a.at - b.at);
    let free = 0;
    for (const { at, size: used } of taken) {
      if (at - free >= size) return free;
      free = at + used;
    }
    return free + size <= this.#words[HEADER.dirtyCapacity] ? free : -1;
  }
}
