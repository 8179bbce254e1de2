/**
 * Descriptors that a thread waits for often and changes seldom: the kernel keeps the set (epoll) and the time at which waiting
 * ends (timerfd), so that a wait costs no more for there being more of them, and sets no clock. Private to its thread.
 */
import { Descriptor, type Ledger } from './ledger.js';
import { checked, EINTR, lastErrno, libc } from './libc.js';
import { READABLE } from './poll-set.js';

export const EPOLL_CLOEXEC = 0x80000;
export const EPOLL_CTL_ADD = 1;
const CLOCK_MONOTONIC = 1;
const TFD_CLOEXEC_NONBLOCK = 0x80800;

/** struct epoll_event: what has come (4), a word of the caller's (8). Packed on x86-64 alone. */
export const WORD_AT = process.arch === 'x64' ? 4 : 8;
export const EVENT_BYTES = WORD_AT + 8;
/** To say that there is more than one it is enough to say two. */
const MOST_EVENTS = 2;

/** struct itimerspec: interval, then value; each seconds (8), nanoseconds (8). */
const TIME_BYTES = 32;
const VALUE_NANOSECONDS = 24;
const MILLISECOND = 1e6;

export class EpollSet {
  readonly #descriptor: Descriptor;
  readonly #timer: Descriptor;
  readonly #events = new Uint8Array(new ArrayBuffer(MOST_EVENTS * EVENT_BYTES));
  readonly #view = new DataView(this.#events.buffer);
  readonly #time = new Uint8Array(new ArrayBuffer(TIME_BYTES));
  readonly #timeView = new DataView(this.#time.buffer);
  #sleeps = false;

  /** Waits for all of these to be readable; negative ones are none. EMFILE, ENOMEM, ENOSPC; EBADF: one of them is closed. */
  constructor(descriptors: readonly number[], ledger: Ledger) {
    const opened: Descriptor[] = [];
    const open = (number: number, syscall: string) => {
      const descriptor = new Descriptor(checked(number, syscall), ledger);
      opened.push(descriptor);
      return descriptor;
    };
    try {
      this.#descriptor = open(libc.epollCreate(EPOLL_CLOEXEC), 'epoll_create1');
      this.#timer = open(libc.timerCreate(CLOCK_MONOTONIC, TFD_CLOEXEC_NONBLOCK), 'timerfd_create');
      for (const descriptor of [this.#timer.number, ...descriptors]) if (descriptor >= 0) this.#add(descriptor);
    } catch (error) {
      for (const descriptor of opened) descriptor.close();
      throw error;
    }
  }

  /** From now on waiting ends after so many milliseconds, less than 1000: that of all waits together. At first it is 0. */
  setLimit(milliseconds: number): void {
    this.#sleeps = milliseconds > 0;
    if (!this.#sleeps) return;
    this.#timeView.setUint32(VALUE_NANOSECONDS, milliseconds * MILLISECOND, true);
    checked(libc.timerSet(this.#timer.number, 0, this.#time, null), 'timerfd_settime');
  }

  /** Blocks until one of them is readable, or has failed, or the time is over. That one; undefined: none, or several. */
  wait(): number | undefined {
    for (;;) {
      const ready = libc.epollWait(this.#descriptor.number, this.#events, MOST_EVENTS, this.#sleeps ? -1 : 0);
      if (ready >= 0) return ready === 1 ? this.#view.getInt32(WORD_AT, true) : undefined;
      if (lastErrno() !== EINTR) checked(ready, 'epoll_wait');
    }
  }

  close(): void {
    this.#descriptor.close();
    this.#timer.close();
  }

  #add(descriptor: number): void {
    this.#view.setUint32(0, READABLE, true);
    this.#view.setInt32(WORD_AT, descriptor, true);
    checked(libc.epollControl(this.#descriptor.number, EPOLL_CTL_ADD, descriptor, this.#events), 'epoll_ctl');
  }
}
