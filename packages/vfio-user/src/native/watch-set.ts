/**
 * Descriptors for which asynchronous functions of one thread wait, each for its own: the thread sleeps in the kernel for all of
 * them at once and for its event loop, whose other work has its turn as ever. A wait costs the kernel no more for there being
 * many. Private to its thread.
 */
import { errnoName, MediatedError } from '@mediated/core';
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EVENT_BYTES, WORD_AT } from './epoll-set.js';
import { EventLoop } from './event-loop.js';
import { Descriptor, type Ledger } from './ledger.js';
import { checked, EBADF, EINTR, epollWaitLater, lastErrno, libc } from './libc.js';
import { READABLE } from './poll-set.js';

const EPOLL_CTL_DEL = 2;
/** It is told once and then no more, even if its descriptor was closed meanwhile and another process has the file. */
const EPOLLONESHOT = 0x40000000;
const MOST_EVENTS = 64;
/** Word of the event loop's descriptor; those of waits are above. */
const LOOP = 0;

/** A descriptor, and what is awaited of it: READABLE, WRITABLE. */
export interface Watched {
  readonly descriptor: number;
  readonly events: number;
}

/** What of an event loop is needed. One that cannot be waited for has a negative descriptor. */
type Loop = Pick<EventLoop, 'descriptor' | 'patience' | 'turn' | 'enter' | 'leave'>;

export class WatchSet {
  readonly #loop: Loop;
  readonly #set: Descriptor;
  readonly #events = new Uint8Array(new ArrayBuffer(MOST_EVENTS * EVENT_BYTES));
  readonly #view = new DataView(this.#events.buffer);
  /** A buffer of its own: in {@link run} a thread of the pool may be writing to the other. */
  readonly #change = new Uint8Array(new ArrayBuffer(EVENT_BYTES));
  readonly #changeView = new DataView(this.#change.buffer);
  /** What is to happen when a watch's word comes. */
  readonly #watches = new Map<number, () => void>();
  /** Word under which a descriptor's number is in the set: one that was closed while it was watched may have become another. */
  readonly #wordOf = new Map<number, number>();
  #lastWord = LOOP;

  constructor(ledger: Ledger, loop: Loop = new EventLoop()) {
    this.#loop = loop;
    this.#set = new Descriptor(checked(libc.epollCreate(EPOLL_CLOEXEC), 'epoll_create1'), ledger);
    if (loop.descriptor >= 0) checked(this.#add(loop.descriptor, READABLE, LOOP), 'epoll_ctl');
  }

  /** Resolves to the first of them that is ready, or has failed or was closed; undefined: the signal came sooner. */
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
      const stop = () => end();
      signal?.addEventListener('abort', stop);
      for (const { descriptor, events } of watched) {
        const word = this.#nextWord();
        const added = this.#add(descriptor, events | EPOLLONESHOT, word);
        if (added < 0) {
          const errno = lastErrno();
          if (errno === EBADF) return end(descriptor);
          withdraw();
          return reject(new MediatedError(errnoName(errno), 'it cannot be watched', { syscall: 'epoll_ctl' }));
        }
        words.push([word, descriptor]);
        this.#wordOf.set(descriptor, word);
        this.#watches.set(word, () => end(descriptor));
      }
    });
  }

  /** Waits, and has the waits of {@link first} end, until it is over, which is looked at after each of them. */
  async run(isOver: () => boolean): Promise<void> {
    this.#loop.enter();
    try {
      while (!isOver()) this.#tell(await this.#wait());
    } finally {
      this.#loop.leave();
    }
  }

  close(): void {
    this.#set.close();
  }

  /** How many events have come. */
  async #wait(): Promise<number> {
    const { number } = this.#set;
    // Its loop has to go on, so somebody else sleeps for it.
    if (this.#loop.descriptor < 0) return epollWaitLater(number, this.#events, MOST_EVENTS);
    await this.#loop.turn();
    const ready = libc.epollWait(number, this.#events, MOST_EVENTS, this.#loop.patience());
    return ready < 0 && lastErrno() !== EINTR ? checked(ready, 'epoll_wait') : ready;
  }

  #tell(count: number): void {
    const words: number[] = [];
    for (let at = 0; at < count; at++) words.push(this.#view.getUint32(at * EVENT_BYTES + WORD_AT, true));
    for (const word of words) this.#watches.get(word)?.();
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
    do this.#lastWord = (this.#lastWord + 1) >>> 0;
    while (this.#lastWord === LOOP || this.#watches.has(this.#lastWord));
    return this.#lastWord;
  }
}
