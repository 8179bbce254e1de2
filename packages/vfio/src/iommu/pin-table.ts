/**
 * Which device has pinned which page, how often: records in hash chains by page, one per page and device slot.
 * All methods are called in the space's section, on any thread of the space; `rebuild` by whoever found that an owner
 * had died. COUNT of a record says that it is in use; chains, sums and accounts follow from the records.
 *
 * Accounting (`HEADER.locked`): a page counts once as soon as any device has pinned it, but not in a mapping that is
 * pinned as a whole (`STATE.mapped`), which counts all its pages itself (`control.ts`).
 */
import {
  getDouble,
  HEADER,
  MAPPING,
  MAPPING_WORDS,
  PIN,
  PIN_CHAINS,
  PIN_WORDS,
  type SpaceMemory,
  STATE,
  setDouble,
} from './layout.js';

/** The pins. A pin is named by the number of its record. */
export class PinTable {
  readonly #memory: SpaceMemory;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(memory: SpaceMemory) {
    this.#memory = memory;
    this.#words = memory.words;
  }

  /** True if any device has pinned the page. */
  isPinned(page: number): boolean {
    return this.#find(page, -1) !== -1;
  }

  /** How often a device has pinned the page. */
  count(page: number, slot: number): number {
    const record = this.#find(page, slot);
    return record === -1 ? 0 : this.#words[this.#base(record) + PIN.count];
  }

  /** Pin records of a mapping: 0 means that no device holds a page of it. */
  inMapping(mapping: number): number {
    return this.#words[this.#pinsOf(mapping)];
  }

  /** Counts one more pin of a page that lies in `mapping`. False if there is no room for another record. */
  add(page: number, slot: number, mapping: number): boolean {
    const words = this.#words;
    const found = this.#find(page, slot);
    if (found !== -1) {
      words[this.#base(found) + PIN.count]++;
      return true;
    }
    const record = this.#take();
    if (record === -1) return false;
    if (!this.#isMapped(mapping) && !this.isPinned(page)) this.#lock(1);
    const base = this.#base(record);
    this.#memory.doubles[(base + PIN.page) >>> 1] = page;
    words[base + PIN.slot] = slot;
    words[base + PIN.mapping] = mapping;
    Atomics.store(words, base + PIN.count, 1);
    const chain = this.#chain(page);
    words[base + PIN.next] = words[chain];
    words[chain] = record + 1;
    words[this.#pinsOf(mapping)]++;
    return true;
  }

  /** Takes one pin of a device back. False, and nothing done, if it has none. */
  drop(page: number, slot: number): boolean {
    const record = this.#find(page, slot);
    if (record === -1) return false;
    const base = this.#base(record);
    if (this.#words[base + PIN.count] > 1) this.#words[base + PIN.count]--;
    else this.#free(record);
    return true;
  }

  /** Takes back all that a device has pinned. Returns the number of its pages. */
  dropSlot(slot: number): number {
    return this.#dropWhere((base) => this.#words[base + PIN.slot] === slot);
  }

  /** Takes back all pins of a mapping. Returns their number. */
  dropMapping(mapping: number): number {
    if (this.inMapping(mapping) === 0) return 0;
    return this.#dropWhere((base) => this.#words[base + PIN.mapping] === mapping);
  }

  /** The pages that any device has pinned, with their mappings; a page may come several times. */
  forEach(visit: (page: number, mapping: number, slot: number) => void): void {
    const words = this.#words;
    for (let record = 0; record < words[HEADER.pinTop]; record++) {
      const base = this.#base(record);
      if (words[base + PIN.count] > 0)
        visit(getDouble(this.#memory, base + PIN.page), words[base + PIN.mapping], words[base + PIN.slot]);
    }
  }

  /** Pages of a mapping that any device has pinned, each counted once. */
  distinctPages(mapping: number): number {
    if (this.inMapping(mapping) === 0) return 0;
    const pages = new Set<number>();
    this.forEach((page, of) => {
      if (of === mapping) pages.add(page);
    });
    return pages.size;
  }

  /** Derives chains, sums and accounts from the records, after the death of an owner. Mappings are whole already. */
  rebuild(): void {
    const words = this.#words;
    words.fill(0, this.#memory.plan.chains, this.#memory.plan.chains + PIN_CHAINS);
    words[HEADER.pinFree] = 0;
    let locked = 0;
    for (let mapping = 0; mapping < words[HEADER.mappingTop]; mapping++) {
      words[this.#pinsOf(mapping)] = 0;
      if (this.#isMapped(mapping)) locked += getDouble(this.#memory, this.#mappingWord(mapping, MAPPING.pages));
    }
    for (let record = words[HEADER.pinTop] - 1; record >= 0; record--) {
      const base = this.#base(record);
      const mapping = words[base + PIN.mapping];
      // A mapping that was half-way out takes its pins along.
      if (words[base + PIN.count] > 0 && words[this.#mappingWord(mapping, MAPPING.state)] !== 0) {
        const page = getDouble(this.#memory, base + PIN.page);
        if (!this.#isMapped(mapping) && !this.isPinned(page)) locked++;
        const chain = this.#chain(page);
        words[base + PIN.next] = words[chain];
        words[chain] = record + 1;
        words[this.#pinsOf(mapping)]++;
      } else {
        words[base + PIN.count] = 0;
        words[base + PIN.next] = words[HEADER.pinFree];
        words[HEADER.pinFree] = record + 1;
      }
    }
    setDouble(this.#memory, HEADER.locked, locked);
  }

  /** The record of a page and a slot, of any slot for -1; -1 if there is none. */
  #find(page: number, slot: number): number {
    const words = this.#words;
    const { doubles } = this.#memory;
    for (let next = words[this.#chain(page)]; next !== 0; ) {
      const base = this.#base(next - 1);
      if (doubles[(base + PIN.page) >>> 1] === page && (slot === -1 || words[base + PIN.slot] === slot))
        return next - 1;
      next = words[base + PIN.next];
    }
    return -1;
  }

  #take(): number {
    const words = this.#words;
    const free = words[HEADER.pinFree];
    if (free !== 0) {
      words[HEADER.pinFree] = words[this.#base(free - 1) + PIN.next];
      return free - 1;
    }
    return words[HEADER.pinTop] < words[HEADER.pinCapacity] ? words[HEADER.pinTop]++ : -1;
  }

  #free(record: number): void {
    const words = this.#words;
    const base = this.#base(record);
    const page = getDouble(this.#memory, base + PIN.page);
    const mapping = words[base + PIN.mapping];
    Atomics.store(words, base + PIN.count, 0);
    let link = this.#chain(page);
    while (words[link] !== record + 1) link = this.#base(words[link] - 1) + PIN.next;
    words[link] = words[base + PIN.next];
    words[base + PIN.next] = words[HEADER.pinFree];
    words[HEADER.pinFree] = record + 1;
    words[this.#pinsOf(mapping)]--;
    if (!this.#isMapped(mapping) && !this.isPinned(page)) this.#lock(-1);
  }

  #dropWhere(matches: (base: number) => boolean): number {
    let dropped = 0;
    for (let record = 0; record < this.#words[HEADER.pinTop]; record++) {
      const base = this.#base(record);
      if (this.#words[base + PIN.count] === 0 || !matches(base)) continue;
      this.#free(record);
      dropped++;
    }
    return dropped;
  }

  #lock(pages: number): void {
    setDouble(this.#memory, HEADER.locked, getDouble(this.#memory, HEADER.locked) + pages);
  }

  #isMapped(mapping: number): boolean {
    return (this.#words[this.#mappingWord(mapping, MAPPING.state)] & STATE.mapped) !== 0;
  }

  #pinsOf(mapping: number): number {
    return this.#mappingWord(mapping, MAPPING.pins);
  }

  #mappingWord(mapping: number, field: number): number {
    return this.#memory.plan.mappings + mapping * MAPPING_WORDS + field;
  }

  #base(record: number): number {
    return this.#memory.plan.pins + record * PIN_WORDS;
  }

  #chain(page: number): number {
    const low = page | 0;
    const high = Math.floor(page / 0x1_0000_0000) | 0;
    return this.#memory.plan.chains + (Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> 18);
  }
}
