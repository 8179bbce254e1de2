/**
 * Event counters of the kernel (eventfd): how a machine is interrupted, and how a thread that sleeps in the kernel is woken.
 * Any thread may signal one by its number.
 */
import { readlinkSync, readSync, writeSync } from 'node:fs';
import { MediatedError } from '@mediated/core';
import { Descriptor, type Ledger } from './ledger.js';
import { checked, libc } from './libc.js';
import { READABLE } from './poll-set.js';
import { firstReady } from './watch-thread.js';

const EFD_CLOEXEC_NONBLOCK = 0x80800;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0x800;
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

export class EventDescriptor {
  readonly descriptor: Descriptor;
  readonly #count = new Uint8Array(8);
  /** Of the wait that is under way. */
  #waiting: AbortController | undefined;
  #closed = false;

  constructor(descriptor: Descriptor) {
    this.descriptor = descriptor;
  }

  static create(ledger: Ledger): EventDescriptor {
    return new EventDescriptor(new Descriptor(checked(libc.eventfd(0, EFD_CLOEXEC_NONBLOCK), 'eventfd'), ledger));
  }

  signal(): void {
    writeSync(this.descriptor.number, ONE);
  }

  /** Takes all signals that have come: how many, possibly 0. Never waits. */
  take(): bigint {
    try {
      readSync(this.descriptor.number, this.#count, 0, 8, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0n;
      throw error;
    }
    return new DataView(this.#count.buffer).getBigUint64(0, true);
  }

  /**
   * Awaits a signal and takes all that have come; no thread of Node's pool is held meanwhile. ETIMEDOUT after `milliseconds`;
   * ECANCELED: it was closed; EBUSY: somebody awaits one already.
   */
  async wait(milliseconds = 10_000): Promise<bigint> {
    if (this.#waiting !== undefined) throw failed('EBUSY', 'a signal is awaited already');
    const over = new AbortController();
    this.#waiting = over;
    const timer = setTimeout(() => over.abort(), milliseconds);
    try {
      await firstReady([{ descriptor: this.descriptor.number, events: READABLE }], over.signal);
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
    if (this.#closed) throw failed('ECANCELED', 'it was closed');
    const taken = this.take();
    if (taken === 0n) throw failed('ETIMEDOUT', `no signal within ${milliseconds} ms`);
    return taken;
  }

  close(): void {
    this.#closed = true;
    this.#waiting?.abort();
    this.descriptor.close();
  }
}

function failed(code: MediatedError['code'], reason: string): MediatedError {
  return new MediatedError(code, reason, { syscall: 'eventfd' });
}

/**
 * Makes sure that a descriptor that another program has sent is an event counter, and that no write to it waits however
 * often it was signalled. EINVAL: it is something else.
 */
export function assertEventDescriptor({ number }: Descriptor): void {
  if (readlinkSync(`/proc/self/fd/${number}`) !== 'anon_inode:[eventfd]') {
    throw new MediatedError('EINVAL', 'a descriptor is no eventfd', { syscall: 'SET_IRQS' });
  }
  const flags = checked(libc.fcntl(number, F_GETFL, 0), 'fcntl');
  if ((flags & O_NONBLOCK) === 0) checked(libc.fcntl(number, F_SETFL, flags | O_NONBLOCK), 'fcntl');
}
