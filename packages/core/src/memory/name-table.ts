/**
 * Interned names: short strings that all threads know by the same small number, so that a message or a slot can carry
 * a type's or a driver's name as one word. Called when something is registered and when its name is shown. Append-only
 * and lock-free; names are never given back.
 *
 * The log is a row of words, one per id: text number + 1, or 0 while the id is free. Texts are fixed 64-byte records
 * (length, then UTF-8). Who wants a name reads the log from the start, and at the first free word first writes a text
 * that is its alone, then publishes it with one compare-and-swap. Who loses goes on with the entry that won. Since
 * everybody passes over every earlier entry, no name gets in twice; since a text is complete before it is published, a
 * thread that dies in between has published nothing, and nobody waits for it.
 *
 * Which text is a thread's own needs no word of its own: at first the one with the number of its id; whoever publishes
 * id `i` owns text `MAX_THREADS + i` from then on. So the log itself tells, also to the next thread with that id, and a
 * death loses nothing.
 */
import { MediatedError } from '../errors.js';
import { currentThread, MAX_THREADS } from '../sync/threads.js';
import type { AttachOptions } from './arena.js';

/** Longest name, in bytes of UTF-8. */
export const NAME_BYTES = 63;

const TEXT_BYTES = 64;
const DEFAULT_CAPACITY = 4096;

/** What another thread needs to attach; structured-cloneable. */
export interface NameTableHandle {
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
}

/** Names and their ids, for all threads. One instance belongs to one thread. */
export class NameTable {
  readonly #handle: NameTableHandle;
  readonly #log: Int32Array;
  readonly #texts: Uint8Array;
  /** Names of ids 0.. as far as this thread has read the log; and back. */
  readonly #names: string[] = [];
  readonly #ids = new Map<string, number>();
  /** The text that this thread may write. Correct once the log has been read to its end. */
  #own: number;

  private constructor(handle: NameTableHandle, thread: number) {
    if (!(Number.isInteger(thread) && thread >= 0 && thread < MAX_THREADS)) {
      throw new MediatedError('EINVAL', `thread id ${thread} is not in 0..${MAX_THREADS - 1}`, { syscall: 'intern' });
    }
    this.#handle = handle;
    this.#log = new Int32Array(handle.buffer, 0, handle.capacity);
    this.#texts = new Uint8Array(handle.buffer, handle.capacity * 4);
    this.#own = thread;
  }

  /** Makes an empty table for `capacity` names. */
  static create({
    capacity = DEFAULT_CAPACITY,
    thread = currentThread(),
  }: AttachOptions & { capacity?: number } = {}): NameTable {
    if (!(Number.isInteger(capacity) && capacity >= 1 && capacity <= 2 ** 24)) {
      throw new MediatedError('EINVAL', `no table of ${capacity} names`, { syscall: 'intern' });
    }
    const bytes = capacity * 4 + (capacity + MAX_THREADS) * TEXT_BYTES;
    return new NameTable({ buffer: new SharedArrayBuffer(bytes), capacity }, thread);
  }

  /** Attaches to a table that another thread made. */
  static from(handle: NameTableHandle, { thread = currentThread() }: AttachOptions = {}): NameTable {
    return new NameTable(handle, thread);
  }

  get handle(): NameTableHandle {
    return this.#handle;
  }

  /**
   * The id of `name`, 0..capacity-1: the same on every thread and for ever.
   * Errors: `EINVAL` when it is longer than 63 bytes of UTF-8 or has a lone surrogate, `ENOSPC` when the table is full.
   */
  intern(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const bytes = name.isWellFormed() ? new TextEncoder().encode(name) : undefined;
    if (bytes === undefined || bytes.length > NAME_BYTES) {
      throw new MediatedError('EINVAL', `not a name of at most ${NAME_BYTES} bytes: ${name}`, { syscall: 'intern' });
    }
    for (;;) {
      this.#readLog();
      const id = this.#ids.get(name);
      if (id !== undefined) return id;
      const free = this.#names.length;
      if (free === this.#handle.capacity) throw new MediatedError('ENOSPC', 'name table full', { syscall: 'intern' });
      const at = this.#own * TEXT_BYTES;
      this.#texts[at] = bytes.length;
      this.#texts.set(bytes, at + 1);
      Atomics.compareExchange(this.#log, free, 0, this.#own + 1);
    }
  }

  /** The name with this id, or undefined when there is none (yet). */
  name(id: number): string | undefined {
    if (id >= this.#names.length) this.#readLog();
    return this.#names[id];
  }

  /** Reads what was published since the last time. */
  #readLog(): void {
    for (let id = this.#names.length; id < this.#handle.capacity; id++) {
      const link = Atomics.load(this.#log, id);
      if (link === 0) return;
      const at = (link - 1) * TEXT_BYTES;
      // A decoder takes no shared bytes: slice() copies into memory that is shared still, Uint8Array.from() does not.
      const text = Uint8Array.from(this.#texts.subarray(at + 1, at + 1 + (this.#texts[at] as number)));
      const name = new TextDecoder('utf-8', { ignoreBOM: true }).decode(text);
      this.#names.push(name);
      this.#ids.set(name, id);
      if (link - 1 === this.#own) this.#own = MAX_THREADS + id;
    }
  }
}
