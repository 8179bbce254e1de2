/**
 * An arena: fixed-size slots in one shared array. Device slots live in one; the UUID table links them.
 * Any attached thread allocates and frees; no lock, no compare-and-swap except once per 32 fresh slots.
 *
 * Who may write what
 * - Slot word 0 is the generation: odd = live, even = free, one up at each allocate and free. Only the thread that
 *   holds the slot moves it. A handle is (index, generation): a stale one is seen, never followed.
 * - Slot word 1 is the owner: id + 1 of the thread that last allocated or freed the slot, and, while the slot is
 *   free, the next one in that thread's list. Written before the generation, so that a thread which dies in the
 *   middle of `free` leaves a live slot of its own, which recovery frees like any other.
 * - The payload is never touched here. A freed slot keeps what it held until it is allocated and filled again.
 * - Free lists are private: only their thread pushes and pops. A slot freed by another thread goes to that thread's
 *   list. Hence no ABA.
 *
 * Pins. A thread may follow links between slots that others remove and free meanwhile. It pins a slot, then checks
 * that the link it came by still leads there; from then on the slot may die but is not allocated anew. For that,
 * freed slots first go to a cooling list. Every `CHUNK_SLOTS` of them the thread reads all pins once and moves those
 * that nobody pins to its ready list, from which it allocates. Both sides are sequentially consistent (pin, then
 * check the link; unlink, then read the pins), so one of the two sees the other.
 *
 * Death. A slot without a list is still named by its owner word, a fresh one by its chunk's owner:
 * `rebuildFreeList` finds everything a dead thread left, wherever it was interrupted.
 *
 * The array is reserved for all slots at once, but the operating system supplies a page when it is first touched:
 * an arena of a million slots costs nothing until they are used. Size it with room to spare: free slots lie in the
 * lists of the threads that freed them, so an arena can be full for one thread while another has free slots.
 */
import { MediatedError } from '../errors.js';
import { currentThread, MAX_THREADS } from '../sync/threads.js';
import {
  ATTACHED,
  CHUNK_END,
  CHUNK_NEXT,
  CHUNK_OWNERS,
  CHUNK_SLOTS,
  chunkCount,
  COOLING,
  COOLING_COUNT,
  GENERATION,
  MAX_SLOTS,
  OWNER,
  OWNER_BITS,
  OWNER_MASK,
  PINS,
  pinLine,
  privateLine,
  READY,
  SLOT_PAYLOAD,
  slotsStart,
  TOP,
} from './arena-layout.js';

/** What another thread needs to attach; structured-cloneable. */
export interface ArenaHandle {
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  readonly slotWords: number;
}

/** How to make an arena. */
export interface ArenaOptions extends AttachOptions {
  /** Slots, at most 33,554,431. */
  capacity: number;
  /** 32-bit words of a slot, the two header words included. */
  slotWords: number;
}

/** On whose behalf an object works. */
export interface AttachOptions {
  /** Thread id, 0..63; the calling thread's by default. */
  thread?: number | undefined;
}

/** Fixed-size slots in shared memory. One instance belongs to one thread; threads share the {@link Arena.handle}. */
export class Arena {
  /** All words; slot `index` starts at {@link Arena.base}. For hot code: see the file's head for who writes what. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly capacity: number;
  readonly slotWords: number;
  readonly thread: number;
  readonly #buffer: SharedArrayBuffer;
  readonly #start: number;
  readonly #chunks: number;
  readonly #mine: number;
  readonly #pins: number;

  private constructor(handle: ArenaHandle, thread: number) {
    if (!(Number.isInteger(thread) && thread >= 0 && thread < MAX_THREADS)) {
      throw new MediatedError('EINVAL', `thread id ${thread} is not in 0..${MAX_THREADS - 1}`, { syscall: 'arena' });
    }
    this.words = new Int32Array(handle.buffer);
    this.capacity = handle.capacity;
    this.slotWords = handle.slotWords;
    this.thread = thread;
    this.#buffer = handle.buffer;
    this.#start = slotsStart(handle.capacity);
    this.#chunks = chunkCount(handle.capacity);
    this.#mine = privateLine(thread);
    this.#pins = pinLine(thread);
    for (;;) {
      const attached = Atomics.load(this.words, ATTACHED);
      if (attached > thread) break;
      Atomics.compareExchange(this.words, ATTACHED, attached, thread + 1);
    }
  }

  /** Reserves a new arena. Errors: `EINVAL` for sizes out of range, `ENOMEM` when the address space is refused. */
  static create({ capacity, slotWords, thread = currentThread() }: ArenaOptions): Arena {
    const words = slotsStart(capacity) + capacity * slotWords;
    if (
      !(Number.isInteger(capacity) && capacity >= 1 && capacity <= MAX_SLOTS) ||
      !(Number.isInteger(slotWords) && slotWords >= SLOT_PAYLOAD) ||
      words >= 2 ** 31
    ) {
      throw new MediatedError('EINVAL', `no arena of ${capacity} slots of ${slotWords} words`, { syscall: 'arena' });
    }
    try {
      return new Arena({ buffer: new SharedArrayBuffer(words * 4), capacity, slotWords }, thread);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new MediatedError('ENOMEM', `cannot reserve ${words * 4} bytes`, { syscall: 'arena', cause });
    }
  }

  /** Attaches to an arena that another thread made. */
  static from(handle: ArenaHandle, { thread = currentThread() }: AttachOptions = {}): Arena {
    return new Arena(handle, thread);
  }

  get handle(): ArenaHandle {
    return { buffer: this.#buffer, capacity: this.capacity, slotWords: this.slotWords };
  }

  get bytesPerSlot(): number {
    return this.slotWords * 4;
  }

  /** One more than the highest slot index that was ever handed to a thread: where scans end. */
  get top(): number {
    return Math.min(Atomics.load(this.words, TOP) * CHUNK_SLOTS, this.capacity);
  }

  /** Word offset of a slot; its payload starts at `base(index) + SLOT_PAYLOAD`. */
  base(index: number): number {
    return this.#start + index * this.slotWords;
  }

  /** Takes a slot; its payload holds whatever it held. Returns its index, or -1 when this thread finds none. */
  allocate(): number {
    const { words } = this;
    let index = this.#pop();
    if (index < 0 && (words[this.#mine + COOLING_COUNT] as number) >= CHUNK_SLOTS) index = this.#reap();
    if (index < 0) index = this.#fresh();
    if (index < 0) index = this.#reap();
    if (index < 0) return -1;
    const at = this.base(index);
    words[at + OWNER] = this.thread + 1;
    Atomics.store(words, at + GENERATION, ((words[at + GENERATION] as number) + 1) | 0);
    return index;
  }

  /**
   * Gives a slot back. Normally the thread that allocated it does; any one thread may, and the slot is then its own.
   * Nobody else may be freeing the same slot. Errors: `EINVAL` when the slot is not live.
   */
  free(index: number): void {
    const { words } = this;
    const at = this.base(index);
    const generation = index >= 0 && index < this.capacity ? Atomics.load(words, at + GENERATION) : 0;
    if ((generation & 1) === 0) throw new MediatedError('EINVAL', `slot ${index} is not live`, { syscall: 'free' });
    words[at + OWNER] = (this.thread + 1) | ((words[this.#mine + COOLING] as number) << OWNER_BITS);
    Atomics.store(words, at + GENERATION, (generation + 1) | 0);
    words[this.#mine + COOLING] = index + 1;
    words[this.#mine + COOLING_COUNT] = (words[this.#mine + COOLING_COUNT] as number) + 1;
  }

  /** The slot's generation: odd while it is live. */
  generation(index: number): number {
    return Atomics.load(this.words, this.base(index) + GENERATION);
  }

  /** True while the slot is live in just this life. A thread that relies on it longer must pin or own the slot. */
  isCurrent(index: number, generation: number): boolean {
    return (generation & 1) !== 0 && this.generation(index) === generation;
  }

  /**
   * Pins the slot of `link` (slot index + 1; 0 = none) in place of what this thread's pin `which` (0..2) held.
   * It holds only if the link by which the slot was found is read again afterwards and still leads there.
   * Pins are for the length of one synchronous call; the UUID table uses all of them.
   */
  pin(which: number, link: number): void {
    Atomics.store(this.words, this.#pins + which, link);
  }

  /** Drops this thread's pins. */
  unpin(): void {
    // Plain stores: a pin that is seen too long only keeps a slot cooling.
    const { words } = this;
    for (let which = 0; which < PINS; which++) words[this.#pins + which] = 0;
  }

  /** The live slots that `thread` allocated (or was about to free). Complete for a dead thread. */
  *slotsOf(thread: number): IterableIterator<number> {
    const top = this.top;
    for (let index = 0; index < top; index++) {
      const at = this.base(index);
      if ((Atomics.load(this.words, at + GENERATION) & 1) === 0) continue;
      if (((this.words[at + OWNER] as number) & OWNER_MASK) === thread + 1) yield index;
    }
  }

  /** Counts the live slots by looking at all of them; exact when nobody allocates or frees meanwhile. */
  liveCount(): number {
    const top = this.top;
    let live = 0;
    for (let index = 0; index < top; index++) live += this.generation(index) & 1;
    return live;
  }

  /**
   * Collects the free slots of a dead thread, wherever its last operation was cut off, and drops its pins.
   * They become the list of the next thread with that id, or with `heir` (the caller's own id, or another dead one)
   * that one's. Only the supervisor calls it, before the id is given away again; calling it twice is harmless.
   * Free the thread's live slots ({@link Arena.slotsOf}) first or afterwards: they go to the caller's list.
   */
  rebuildFreeList(thread: number, heir: number = thread): void {
    const { words } = this;
    const dead = privateLine(thread);
    const inherits = privateLine(heir);
    words.fill(0, dead, dead + CHUNK_END + 1);
    for (let which = 0; which < PINS; which++) Atomics.store(words, pinLine(thread) + which, 0);
    this.#settleTop();
    let head = words[inherits + COOLING] as number;
    let count = words[inherits + COOLING_COUNT] as number;
    const top = this.top;
    for (let index = 0; index < top; index++) {
      const at = this.base(index);
      if ((Atomics.load(words, at + GENERATION) & 1) !== 0) continue;
      const owner = (words[at + OWNER] as number) & OWNER_MASK;
      // A slot nobody ever took has no owner: it belongs to whoever claimed its chunk.
      const holder = owner === 0 ? this.#chunkOwner(index) : owner;
      if (holder !== thread + 1) continue;
      words[at + OWNER] = (heir + 1) | (head << OWNER_BITS);
      head = index + 1;
      count++;
    }
    words[inherits + COOLING] = head;
    words[inherits + COOLING_COUNT] = count;
  }

  #chunkOwner(index: number): number {
    return Atomics.load(this.words, CHUNK_OWNERS + Math.floor(index / CHUNK_SLOTS));
  }

  /** Takes the first slot of the ready list, or -1. */
  #pop(): number {
    const head = this.words[this.#mine + READY] as number;
    if (head === 0) return -1;
    this.words[this.#mine + READY] = (this.words[this.base(head - 1) + OWNER] as number) >>> OWNER_BITS;
    return head - 1;
  }

  /** Moves the cooled slots that nobody pins to the ready list, and takes one. */
  #reap(): number {
    const { words } = this;
    const mine = this.#mine;
    let link = words[mine + COOLING] as number;
    if (link === 0) return -1;
    const pinned = this.#pinned();
    words[mine + COOLING] = 0;
    words[mine + COOLING_COUNT] = 0;
    while (link !== 0) {
      const at = this.base(link - 1);
      const next = (words[at + OWNER] as number) >>> OWNER_BITS;
      const list = mine + (pinned.includes(link) ? COOLING : READY);
      if (list === mine + COOLING) words[mine + COOLING_COUNT] = (words[mine + COOLING_COUNT] as number) + 1;
      words[at + OWNER] = (this.thread + 1) | ((words[list] as number) << OWNER_BITS);
      words[list] = link;
      link = next;
    }
    return this.#pop();
  }

  /** The links that any thread pins at this moment. */
  #pinned(): number[] {
    const pinned: number[] = [];
    const attached = Atomics.load(this.words, ATTACHED);
    for (let thread = 0; thread < attached; thread++) {
      const line = pinLine(thread);
      for (let which = 0; which < PINS; which++) {
        const link = Atomics.load(this.words, line + which);
        if (link !== 0) pinned.push(link);
      }
    }
    return pinned;
  }

  /** Takes a slot nobody had yet, from this thread's chunk or a new one, or -1. */
  #fresh(): number {
    const { words } = this;
    const mine = this.#mine;
    if (words[mine + CHUNK_NEXT] === words[mine + CHUNK_END]) {
      const chunk = this.#claimChunk();
      if (chunk < 0) return -1;
      words[mine + CHUNK_NEXT] = chunk * CHUNK_SLOTS;
      words[mine + CHUNK_END] = Math.min((chunk + 1) * CHUNK_SLOTS, this.capacity);
    }
    const index = words[mine + CHUNK_NEXT] as number;
    words[mine + CHUNK_NEXT] = index + 1;
    return index;
  }

  #claimChunk(): number {
    for (;;) {
      this.#settleTop();
      const chunk = Atomics.load(this.words, TOP);
      if (chunk >= this.#chunks) return -1;
      if (Atomics.compareExchange(this.words, CHUNK_OWNERS + chunk, 0, this.thread + 1) !== 0) continue;
      Atomics.compareExchange(this.words, TOP, chunk, chunk + 1);
      return chunk;
    }
  }

  /** Moves `TOP` over a chunk whose claimer has not come to it (or died before). */
  #settleTop(): void {
    for (;;) {
      const chunk = Atomics.load(this.words, TOP);
      if (chunk >= this.#chunks || Atomics.load(this.words, CHUNK_OWNERS + chunk) === 0) return;
      Atomics.compareExchange(this.words, TOP, chunk, chunk + 1);
    }
  }
}
