/**
 * The table that makes UUIDs unique among all threads. Called by create (insert), by remove and recovery (remove) and
 * by look-ups. Lock-free; a hash of chains, whose entries are arena slots: a slot holds its UUID in four words and one
 * link word. No tombstones, no resizing.
 *
 * A link word is slot index + 1 (0 = end), and bit 31, the mark, says of the slot *that holds the word* that it is
 * removed. Rules for whoever writes one:
 * - A new entry goes to the head of its chain, nowhere else: one compare-and-swap on the head.
 * - Removal is the mark. From then on the link is frozen, because every change of a link is a compare-and-swap that
 *   expects an unmarked value. Whoever meets a marked entry unlinks it: one compare-and-swap on the link before it.
 * - A slot is inserted at most once per allocation, and its UUID words stay as they are until it is allocated again.
 *
 * Why a traversal never goes astray although slots are recycled. Slots carry no marks of time, so a thread that sleeps
 * between two steps could wake in another chain, or worse, unlink with a compare-and-swap whose expected value came
 * back in another life. Checking that an entry still hashes to this chain would catch the first, not the second.
 * Therefore the arena's pins: every entry is pinned before it is read, and then the link that led to it is read again.
 * 1. That link is the head, or belongs to an entry which is pinned too and, its link being unmarked, still linked. So
 *    at this moment the new entry is linked, and for as long as it is pinned it stays in this life: its UUID words are
 *    stable, its link changes only by the rules above.
 * 2. Unlinking X from behind P (both pinned) succeeds only if P is unmarked and leads to X; both are in the life that
 *    was checked, so X is linked right there, and its frozen link leads to the right successor: that one cannot have
 *    been unlinked before X, since its unlinking expects an unmarked link in X.
 * 3. Insertion pins the first entry F and scans the chain from it. If afterwards the head still is F, in the same
 *    life, then whatever was put in front of F in between is gone again: no equal entry can have been missed. The
 *    compare-and-swap is the moment at which the UUID becomes taken, a mark the moment at which it becomes free.
 * 4. `remove` returns after a whole pass that began behind its mark, so the slot is unreachable and may be freed.
 *
 * Death. Between any two steps the chain is well formed. An entry whose remover died after marking is unlinked by the
 * next that passes, or by calling `remove` again; an entry that was never linked is merely marked by it.
 */
import { MediatedError } from '../errors.js';
import type { Arena } from './arena.js';
import { UUID_WORDS } from './uuid.js';

/** Set in the link word of a removed entry. */
export const REMOVED = 1 << 31;
const LINK = 0x7fffffff;

/** The pin of the chain's first entry; the entries behind it take turns with the other two. */
const FIRST_PIN = 0;

/** What a pass answers when it has to be begun anew. */
const LOST = -2;

/** What another thread needs to attach, besides the arena. */
export interface UuidTableHandle {
  readonly heads: SharedArrayBuffer;
  readonly uuidOffset: number;
  readonly nextOffset: number;
}

/** How to make a table. */
export interface UuidTableOptions {
  arena: Arena;
  /** Word of a slot (counted from its base) where the UUID's four words start. */
  uuidOffset: number;
  /** Word of a slot that is the table's own: the link. */
  nextOffset: number;
  /** Chains, a power of two; by default at least twice the arena's capacity. Pages are supplied when first touched. */
  heads?: number | undefined;
}

/** UUID to slot index, for all threads. One instance belongs to one thread, that of its arena. */
export class UuidTable {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #handle: UuidTableHandle;
  readonly #heads: Int32Array;
  readonly #uuid: number;
  readonly #next: number;
  /** Head of the chain as the last walk left it, pinned. */
  #first = 0;

  private constructor(arena: Arena, handle: UuidTableHandle) {
    this.#arena = arena;
    this.#words = arena.words;
    this.#handle = handle;
    this.#heads = new Int32Array(handle.heads);
    this.#uuid = handle.uuidOffset;
    this.#next = handle.nextOffset;
  }

  /** Makes an empty table over the slots of `arena`. Errors: `EINVAL` for offsets or sizes that do not fit. */
  static create({ arena, uuidOffset, nextOffset, heads = defaultHeads(arena.capacity) }: UuidTableOptions): UuidTable {
    const overlap = nextOffset >= uuidOffset && nextOffset < uuidOffset + UUID_WORDS;
    const last = Math.max(uuidOffset + UUID_WORDS - 1, nextOffset);
    if (overlap || Math.min(uuidOffset, nextOffset) < 2 || last >= arena.slotWords) {
      throw new MediatedError('EINVAL', 'UUID and link do not fit the slot', { syscall: 'uuid-table' });
    }
    if (!(heads >= 1 && heads <= 2 ** 29 && (heads & (heads - 1)) === 0)) {
      throw new MediatedError('EINVAL', `${heads} heads: not a power of two`, { syscall: 'uuid-table' });
    }
    return new UuidTable(arena, { heads: new SharedArrayBuffer(heads * 4), uuidOffset, nextOffset });
  }

  /** Attaches to a table that another thread made; `arena` is this thread's view of the same arena. */
  static from(handle: UuidTableHandle, arena: Arena): UuidTable {
    return new UuidTable(arena, handle);
  }

  get handle(): UuidTableHandle {
    return this.#handle;
  }

  /**
   * Takes the UUID that stands in slot `index` for this slot. The slot is live, the caller's own, and was not inserted
   * since it was allocated. Returns false when another entry has the UUID; the slot is then as before.
   */
  insertIfAbsent(index: number): boolean {
    const words = this.#words;
    const at = this.#arena.base(index);
    const uuid = at + this.#uuid;
    const u0 = words[uuid] as number;
    const u1 = words[uuid + 1] as number;
    const u2 = words[uuid + 2] as number;
    const u3 = words[uuid + 3] as number;
    const chain = this.#chain(u0, u1, u2, u3);
    let inserted = false;
    while (!inserted && this.#walk(chain, true, u0, u1, u2, u3) < 0) {
      Atomics.store(words, at + this.#next, this.#first);
      inserted = Atomics.compareExchange(this.#heads, chain, this.#first, index + 1) === this.#first;
    }
    this.#arena.unpin();
    return inserted;
  }

  /** The slot that has this UUID, or -1. The answer can be outdated at once: check what is used with a generation. */
  lookup(u0: number, u1: number, u2: number, u3: number): number {
    const index = this.#walk(this.#chain(u0, u1, u2, u3), true, u0, u1, u2, u3);
    this.#arena.unpin();
    return index;
  }

  /**
   * Gives the UUID of slot `index` back. When it returns, the UUID is free and no chain leads to the slot, whoever
   * marked it: calling it again, or for a slot that never got into the table, does no harm. The slot is live (or a
   * dead thread's) and in the life that was inserted. Of several calls for one entry exactly one returns true.
   */
  remove(index: number): boolean {
    const words = this.#words;
    const at = this.#arena.base(index);
    const marked = Atomics.or(words, at + this.#next, REMOVED) >= 0;
    const uuid = at + this.#uuid;
    const u0 = words[uuid] as number;
    const u1 = words[uuid + 1] as number;
    const u2 = words[uuid + 2] as number;
    const u3 = words[uuid + 3] as number;
    this.#walk(this.#chain(u0, u1, u2, u3), false, u0, u1, u2, u3);
    this.#arena.unpin();
    return marked;
  }

  /** Counts the entries by walking all chains; exact when nobody inserts or removes meanwhile. */
  count(): number {
    let entries = 0;
    for (const head of this.#heads) {
      for (let link = head; link !== 0; ) {
        const next = this.#words[this.#arena.base(link - 1) + this.#next] as number;
        if (next >= 0) entries++;
        link = next & LINK;
      }
    }
    return entries;
  }

  #chain(u0: number, u1: number, u2: number, u3: number): number {
    let hash = Math.imul(u0, 0x9e3779b1) ^ Math.imul(u1, 0x85ebca77);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) ^ Math.imul(u2, 0xc2b2ae3d) ^ Math.imul(u3, 0x27d4eb2f);
    hash = Math.imul(hash ^ (hash >>> 16), 0x297a2d39);
    return (hash ^ (hash >>> 15)) & (this.#heads.length - 1);
  }

  /**
   * Walks a chain and unlinks the removed entries on the way. With `find` it stops at the entry that has the UUID and
   * returns its index; otherwise it goes to the end and returns -1. The caller unpins.
   */
  #walk(chain: number, find: boolean, u0: number, u1: number, u2: number, u3: number): number {
    for (;;) {
      const found = this.#pass(chain, find, u0, u1, u2, u3);
      if (found !== LOST) return found;
    }
  }

  /** One pass of {@link UuidTable.#walk}; `LOST` when another thread changed the chain under it. */
  #pass(chain: number, find: boolean, u0: number, u1: number, u2: number, u3: number): number {
    const words = this.#words;
    // The link word that led to the current entry: the head, then a word of the entry before it.
    let before = this.#heads;
    let beforeAt = chain;
    let pin = FIRST_PIN;
    let link = Atomics.load(before, beforeAt);
    for (;;) {
      if (link !== 0) {
        this.#arena.pin(pin, link);
        if (Atomics.load(before, beforeAt) !== link) return LOST;
      }
      if (pin === FIRST_PIN) this.#first = link;
      if (link === 0) return -1;
      const at = this.#arena.base(link - 1);
      const next = Atomics.load(words, at + this.#next);
      if (next < 0) {
        if (Atomics.compareExchange(before, beforeAt, link, next & LINK) !== link) return LOST;
        link = next & LINK;
        continue;
      }
      if (find) {
        const uuid = at + this.#uuid;
        if (words[uuid] === u0 && words[uuid + 1] === u1 && words[uuid + 2] === u2 && words[uuid + 3] === u3) {
          return link - 1;
        }
      }
      before = words;
      beforeAt = at + this.#next;
      pin = pin === 1 ? 2 : 1;
      link = next;
    }
  }
}

/** The smallest power of two that is at least twice the capacity. */
function defaultHeads(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity * 2));
}
