/**
 * Event counters of the kernel (eventfd): how a machine is interrupted, and how a thread that waits in `poll` is woken.
 * Any thread may signal one by its number.
 */
import { readlinkSync, readSync, writeSync } from 'node:fs';
import { MediatedError } from '@mediated/core';
import { Descriptor, type Ledger } from './ledger.js';
import { checked, libc } from './libc.js';
import { PollSet, READABLE } from './poll-set.js';

const EFD_CLOEXEC_NONBLOCK = 0x80800;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0x800;
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

export class EventDescriptor {
  readonly descriptor: Descriptor;
  readonly #count = new Uint8Array(8);

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

  /** Awaits a signal and takes all that have come. ETIMEDOUT after `milliseconds`. */
  async wait(milliseconds = 10_000): Promise<bigint> {
    const set = new PollSet();
    set.set([{ descriptor: this.descriptor.number, events: READABLE }]);
    await set.waitLater(milliseconds);
    const taken = this.take();
    if (taken === 0n) throw new MediatedError('ETIMEDOUT', `no signal within ${milliseconds} ms`, { syscall: 'poll' });
    return taken;
  }

  close(): void {
    this.descriptor.close();
  }
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
