/**
 * Awaits descriptors on a thread whose event loop goes on: one other thread sleeps for all that are awaited here, however many,
 * and nothing of Node's pool is taken. It comes with the first wait and goes some time after the last. As long as something is
 * awaited it keeps the process alive. Used by clients; of a thread, whose own it is.
 */
import { Worker } from 'node:worker_threads';
import { MediatedError } from '@mediated/core';
import { Descriptor, Ledger } from './ledger.js';
import { checked, libc } from './libc.js';
import { READABLE } from './poll-set.js';
import type { WatchThreadOptions } from './watch-thread-protocol.js';
import { type Watched, Watches } from './watches.js';

/** Milliseconds for which it stays when nothing is awaited: one client often follows the other, and a thread is slow to start. */
const LINGER = 1000;

const EFD_CLOEXEC = 0x80000;

class WatchThread {
  readonly #ledger: Ledger;
  readonly #watches: Watches;
  /** Is always readable, and in the set when the thread is to look whether it is over. */
  readonly #bell: Descriptor;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;
  readonly #gone: () => void;
  /** So many are awaited. */
  #waits = 0;
  #lingering: NodeJS.Timeout | undefined;

  /** At the process's exit too: a thread that sleeps in the kernel would keep it from ending. */
  readonly #end = () => {
    if (Atomics.exchange(this.#stop, 0, 1) !== 0) return;
    this.#watches.first([{ descriptor: this.#bell.number, events: READABLE }]).catch(() => {});
  };

  /** `gone`: it takes no more waits. What is open of a ledger is the caller's to close if this throws. */
  constructor(ledger: Ledger, gone: () => void) {
    this.#ledger = ledger;
    this.#gone = gone;
    this.#watches = new Watches(ledger);
    this.#bell = new Descriptor(checked(libc.eventfd(1, EFD_CLOEXEC), 'eventfd'), ledger);
    const options: WatchThreadOptions = { set: this.#watches.number, stop: this.#stop };
    this.#worker = new Worker(new URL('./watch-thread-main.js', import.meta.url), {
      workerData: options,
      name: 'vfio-user client',
    });
    this.#worker.on('message', (words: readonly number[]) => this.#watches.tell(words));
    this.#worker.on('error', (error: Error) => process.emitWarning(error));
    this.#worker.once('exit', () => this.#buried());
    this.#worker.unref();
    process.on('exit', this.#end);
  }

  async first(watched: readonly Watched[], signal?: AbortSignal): Promise<number | undefined> {
    if (this.#waits++ === 0) this.#worker.ref();
    try {
      return await this.#watches.first(watched, signal);
    } finally {
      if (--this.#waits === 0) this.#linger();
    }
  }

  #linger(): void {
    this.#worker.unref();
    this.#lingering ??= setTimeout(() => {
      this.#lingering = undefined;
      if (this.#waits > 0) return;
      this.#gone();
      this.#end();
    }, LINGER).unref();
  }

  #buried(): void {
    this.#gone();
    clearTimeout(this.#lingering);
    process.off('exit', this.#end);
    const died = new MediatedError('EIO', 'the thread that waits for clients has ended', { syscall: 'epoll_wait' });
    this.#watches.fail(died);
    this.#ledger.settle();
  }
}

/** Of this thread; undefined: nothing is awaited. */
let current: WatchThread | undefined;

function start(): WatchThread {
  const ledger = new Ledger();
  try {
    const thread: WatchThread = new WatchThread(ledger, () => {
      if (current === thread) current = undefined;
    });
    return thread;
  } catch (error) {
    ledger.settle();
    throw error;
  }
}

/**
 * Resolves to the first of them that is ready, or has failed; undefined: the signal came sooner. Who closes one of them meanwhile
 * withdraws it by the signal before. EEXIST: one of them is awaited already; EIO: the thread has died; EMFILE.
 */
export async function firstReady(watched: readonly Watched[], signal?: AbortSignal): Promise<number | undefined> {
  current ??= start();
  return current.first(watched, signal);
}
