/**
 * The mappings of an address space, sorted by I/O virtual address: 64-byte records that stay where they are, and an
 * index of record numbers that is searched by halving. All methods are called in the space's section; those that change
 * something on the control thread, `rebuild` by whoever found that an owner had died.
 */
import { getDouble, HEADER, MAPPING, MAPPING_WORDS, MOST_MAPPINGS, type SpaceMemory, STATE } from './layout.js';

/** What {@link MappingTable.insert} puts down. Pages as numbers (`page.ts`). */
export interface MappingFields {
  readonly start: number;
  readonly pages: number;
  readonly vaddr: number;
  /** `read` and `write` of `STATE`. */
  readonly access: number;
  readonly owner: number;
  /** Segment id and the byte of it at which the mapping begins; 0: no memory. */
  readonly segment: number;
  readonly memory: number;
}

/** The mappings. A mapping is named by the number of its record. */
export class MappingTable {
  readonly #memory: SpaceMemory;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #doubles: Float64Array<SharedArrayBuffer>;
  readonly #index: Uint16Array<SharedArrayBuffer>;
  readonly #base: number;
  /** The record that the last search of this thread found: looked at first. */
  #last = 0;
  /** Free records below the top; known to the control thread only, undefined until it needs them. */
  #free: number[] | undefined;

  constructor(memory: SpaceMemory) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#doubles = memory.doubles;
    this.#base = memory.plan.mappings;
    this.#index = new Uint16Array(memory.words.buffer, memory.plan.index * 4, MOST_MAPPINGS);
  }

  get count(): number {
    return this.#words[HEADER.mappings];
  }

  /** The record at a position of the sorted order. */
  at(position: number): number {
    return this.#index[position];
  }

  start(record: number): number {
    return this.#doubles[(this.#base + record * MAPPING_WORDS + MAPPING.start) >>> 1];
  }

  pages(record: number): number {
    return this.#doubles[(this.#base + record * MAPPING_WORDS + MAPPING.pages) >>> 1];
  }

  /** The first page behind the mapping. */
  end(record: number): number {
    return this.start(record) + this.pages(record);
  }

  vaddr(record: number): number {
    return getDouble(this.#memory, this.word(record, MAPPING.vaddr));
  }

  /** Byte of the segment at which the mapping begins. */
  memory(record: number): number {
    return this.#doubles[(this.#base + record * MAPPING_WORDS + MAPPING.memory) >>> 1];
  }

  state(record: number): number {
    return this.#words[this.#base + record * MAPPING_WORDS + MAPPING.state];
  }

  segment(record: number): number {
    return this.#words[this.#base + record * MAPPING_WORDS + MAPPING.segment];
  }

  /** Where a field (`MAPPING`) lies. */
  word(record: number, field: number): number {
    return this.#base + record * MAPPING_WORDS + field;
  }

  /** The mapping that contains a page, -1 if none does. */
  find(page: number): number {
    const last = this.#last;
    const base = this.#base + last * MAPPING_WORDS;
    if (this.#words[base + MAPPING.state] !== 0) {
      const start = this.#doubles[(base + MAPPING.start) >>> 1];
      if (page >= start && page - start < this.#doubles[(base + MAPPING.pages) >>> 1]) return last;
    }
    const position = this.firstEndingAfter(page);
    if (position === this.count) return -1;
    const record = this.#index[position];
    if (this.start(record) > page) return -1;
    this.#last = record;
    return record;
  }

  /** Position of the first mapping whose last page is not below `page`; `count` if there is none. */
  firstEndingAfter(page: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.end(this.#index[middle]) <= page) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** True if a mapping contains any of these pages. */
  overlaps(start: number, pages: number): boolean {
    const position = this.firstEndingAfter(start);
    return position < this.count && this.start(this.#index[position]) < start + pages;
  }

  /** Adds a mapping that overlaps none, where there is room for it (the caller has looked). Returns its record. */
  insert(fields: MappingFields): number {
    const record = this.#freeRecord();
    const words = this.#words;
    const base = this.word(record, 0);
    this.#doubles[(base + MAPPING.start) >>> 1] = fields.start;
    this.#doubles[(base + MAPPING.pages) >>> 1] = fields.pages;
    this.#doubles[(base + MAPPING.vaddr) >>> 1] = fields.vaddr;
    this.#doubles[(base + MAPPING.memory) >>> 1] = fields.memory;
    words[base + MAPPING.segment] = fields.segment;
    words[base + MAPPING.id] = ++words[HEADER.lastId];
    words[base + MAPPING.owner] = fields.owner;
    words[base + MAPPING.pins] = 0;
    words[base + MAPPING.dirty] = 0;
    const position = this.firstEndingAfter(fields.start);
    Atomics.store(words, base + MAPPING.state, STATE.used | fields.access);
    this.#index.copyWithin(position + 1, position, this.count);
    this.#index[position] = record;
    words[HEADER.mappings]++;
    return record;
  }

  /** Takes `count` neighbours out, from a position of the sorted order on. */
  removeRun(position: number, count: number): void {
    const words = this.#words;
    for (let i = 0; i < count; i++) {
      const record = this.#index[position + i];
      if ((this.state(record) & STATE.invalid) !== 0) words[HEADER.invalid]--;
      Atomics.store(words, this.word(record, MAPPING.state), 0);
      this.#free?.push(record);
    }
    this.#index.copyWithin(position, position + count, this.count);
    words[HEADER.mappings] -= count;
  }

  /** Marks the user address of a mapping as invalid, or as valid again. */
  setInvalid(record: number, invalid: boolean): void {
    const state = this.state(record);
    if (((state & STATE.invalid) !== 0) === invalid) return;
    this.#words[this.word(record, MAPPING.state)] = state ^ STATE.invalid;
    this.#words[HEADER.invalid] += invalid ? 1 : -1;
  }

  /** Sets or clears bits of `STATE` other than `used` and `invalid`. */
  setState(record: number, bits: number, set: boolean): void {
    const word = this.word(record, MAPPING.state);
    this.#words[word] = set ? this.#words[word] | bits : this.#words[word] & ~bits;
  }

  /** Gives a mapping another user address, and the memory behind that. */
  setMemory(record: number, fields: Pick<MappingFields, 'vaddr' | 'segment' | 'memory' | 'owner'>): void {
    const base = this.word(record, 0);
    this.#doubles[(base + MAPPING.vaddr) >>> 1] = fields.vaddr;
    this.#doubles[(base + MAPPING.memory) >>> 1] = fields.memory;
    this.#words[base + MAPPING.segment] = fields.segment;
    this.#words[base + MAPPING.owner] = fields.owner;
  }

  /** Derives the index and the counts from the records, after the death of an owner. */
  rebuild(): void {
    const words = this.#words;
    const present: number[] = [];
    let invalid = 0;
    for (let record = 0; record < words[HEADER.mappingTop]; record++) {
      const state = this.state(record);
      if (state === 0) continue;
      present.push(record);
      if ((state & STATE.invalid) !== 0) invalid++;
    }
    present.sort((a, b) => this.start(a) - this.start(b));
    this.#index.set(present);
    words[HEADER.mappings] = present.length;
    words[HEADER.invalid] = invalid;
    this.#free = undefined;
  }

  #freeRecord(): number {
    const words = this.#words;
    this.#free ??= this.#freeBelowTop();
    return this.#free.pop() ?? words[HEADER.mappingTop]++;
  }

  #freeBelowTop(): number[] {
    const free: number[] = [];
    for (let record = this.#words[HEADER.mappingTop] - 1; record >= 0; record--) {
      if (this.state(record) === 0) free.push(record);
    }
    return free;
  }
}
