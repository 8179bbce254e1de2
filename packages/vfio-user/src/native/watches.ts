/**
 * Descriptors for which asynchronous functions of one thread wait, each for its own. The kernel keeps the set (epoll), so that a
 * wait costs no more for there being many. Somebody sleeps for it and says which have come: this thread (`loop-sleep.ts`, as
 * the doorman does) or another (`watch-thread.ts`, for clients). Private to its thread, but for the kernel's set.
 */
import { errnoName, MediatedError } from '@mediated/core';
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EVENT_BYTES, WORD_AT } from './epoll-set.js';
import { Descriptor, type Ledger } from './ledger.js';
import { checked, EBADF, lastErrno, libc } from './libc.js';

const EPOLL_CTL_DEL = 2;
/** It is told once and then no more, even if its descriptor was closed meanwhile and another process has the file. */
const EPOLLONESHOT = 0x40000000;
/** Words of the set from here on are those of waits; those below are their sleeper's. */
export const FIRST_WORD = 1;
const WORDS = 2 ** 32;

/** A descriptor, and what is awaited of it: READABLE, WRITABLE. */
export interface Watched {
  readonly descriptor: number;
  readonly events: number;
}

/** One of the descriptors of a wait. */
interface Watch {
  readonly ready: () => void;
  readonly fail: (error: MediatedError) => void;
}

export class Watches {
  readonly #set: Descriptor;
  readonly #change = new Uint8Array(new ArrayBuffer(EVENT_BYTES));
  readonly #changeView = new DataView(this.#change.buffer);
  /** What is to happen when a word comes. */
  readonly #watches = new Map<number, Watch>();
  /** Word under which a descriptor's number is in the set: one that was closed while it was watched may have become another. */
  readonly #wordOf = new Map<number, number>();
  #lastWord = FIRST_WORD;

  constructor(ledger: Ledger) {
    this.#set = new Descriptor(checked(libc.epollCreate(EPOLL_CLOEXEC), 'epoll_create1'), ledger);
  }

  /** Number of the kernel's set, for its sleeper. */
  get number(): number {
    return this.#set.number;
  }

  /**
   * Resolves to the first of them that is ready, or has failed or was closed before; undefined: the signal came sooner. EEXIST:
   * one of them is awaited already.
   */
  first(watched: readonly Watched[], signal?: AbortSignal): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return resolve(undefined);
      const words: [word: number, descriptor: number][] = [];
      const withdraw = () => {
        for (const [word, descriptor] of words) this.#withdraw(word, descriptor);
        signal?.removeEventListener('abort', stop);
      };
      const end = (descriptor?: number) => {
        withdraw();
        resolve(descriptor);
      };
      const fail = (error: MediatedError) => {
        withdraw();
        reject(error);
      };
      const stop = () => end();
      signal?.addEventListener('abort', stop);
      for (const { descriptor, events } of watched) {
        const word = this.#nextWord();
        const added = this.#add(descriptor, events | EPOLLONESHOT, word);
        if (added < 0) {
          const errno = lastErrno();
          if (errno === EBADF) return end(descriptor);
          return fail(new MediatedError(errnoName(errno), 'it cannot be watched', { syscall: 'epoll_ctl' }));
        }
        words.push([word, descriptor]);
        this.#wordOf.set(descriptor, word);
        this.#watches.set(word, { ready: () => end(descriptor), fail });
      }
    });
  }

  /** The sleeper's: these have come. */
  tell(words: readonly number[]): void {
    for (const word of words) this.#watches.get(word)?.ready();
  }

  /** The sleeper's: nobody sleeps any more. Every wait rejects. */
  fail(error: MediatedError): void {
    for (const { fail } of [...this.#watches.values()]) fail(error);
  }

  close(): void {
    this.#set.close();
  }

  #add(descriptor: number, events: number, word: number): number {
    this.#changeView.setUint32(0, events, true);
    this.#changeView.setUint32(WORD_AT, word, true);
    return libc.epollControl(this.#set.number, EPOLL_CTL_ADD, descriptor, this.#change);
  }

  #withdraw(word: number, descriptor: number): void {
    this.#watches.delete(word);
    if (this.#wordOf.get(descriptor) !== word) return;
    this.#wordOf.delete(descriptor);
    // It may be closed by now.
    libc.epollControl(this.#set.number, EPOLL_CTL_DEL, descriptor, this.#change);
  }

  #nextWord(): number {
    do this.#lastWord = (this.#lastWord + 1) % WORDS;
    while (this.#lastWord < FIRST_WORD || this.#watches.has(this.#lastWord));
    return this.#lastWord;
  }
}
