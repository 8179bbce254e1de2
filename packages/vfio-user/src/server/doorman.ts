/**
 * The doorman of a runtime, as the thread sees it that started the runtime: made with the first served device, gone with the
 * last. All of them share this thread of their own, so their number is not bounded by that of threads.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type Mdev, MediatedError, type Runtime, type UeventEvents } from '@mediated/core';
import { EventDescriptor } from '../native/event-descriptor.js';
import { Ledger } from '../native/ledger.js';
import { type Outcome, outcome } from '../outcome.js';
import type { DoorNews, DoormanOptions, DoormanOrder, DoorOptions } from './doorman-protocol.js';

/** A socket that the doorman waits at, and why it may have to go. */
interface OpenDoor {
  readonly number: number;
  readonly options: DoorOptions;
  readonly mdev: Mdev;
  /** Thread of the device. */
  readonly home: number;
  readonly listening: Outcome;
  readonly closed: Outcome;
}

/** A door for who has opened it. */
export interface DoorHandle {
  /** Rejects when there is no socket: EADDRINUSE, ENOENT, EACCES, ENAMETOOLONG; EIO: the thread has ended. */
  readonly listening: Promise<void>;
  /** Resolves when its socket is gone and its machine has lost the device. */
  readonly closed: Promise<void>;
  /** Idempotent. */
  close(): void;
}

const doormen = new WeakMap<Runtime, Doorman>();

export class Doorman {
  readonly #runtime: Runtime;
  readonly #worker: Worker;
  readonly #own = new Ledger();
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  // Of this thread, not of the ledger: it goes after the thread has ended.
  readonly #wake = EventDescriptor.create(new Ledger());
  readonly #doors = new Map<number, OpenDoor>();
  /** Doors whose beginning or end somebody awaits: for these the process is kept alive, sockets alone do not. */
  readonly #awaited = new Set<number>();
  readonly #ended: Promise<void>;
  #lastNumber = 0;

  readonly #removed = ({ uuid, devpath }: Parameters<UeventEvents['remove']>[0]) => {
    this.#closeWhere(({ mdev }) => uuid === mdev.uuid && devpath.endsWith(`/${mdev.uuid}`));
  };
  /** Events were overwritten before they were read. */
  readonly #lost = () => this.#closeWhere(({ mdev }) => !mdev.presence.directory);
  /** The thread of devices has died: what attendants have left open there is closed. The devices are removed, now or soon. */
  readonly #threadDied = ({ id }: { readonly id: number }) => {
    for (const { home, options } of this.#doors.values()) {
      if (home === id) for (const words of [options.ledger, options.waiting]) new Ledger(words).settle();
    }
  };
  /** The runtime closes, and does not wait for the machine any longer. */
  readonly #threadEnded = (thread: { readonly id: number }) => {
    this.#threadDied(thread);
    this.#closeWhere(({ home }) => home === thread.id);
  };
  /** A thread that waits in a system call would keep the process from ending; it may not come to removing files any more. */
  readonly #atExit = () => {
    for (const { options } of this.#doors.values()) {
      Atomics.store(options.stop, 0, 1);
      rmSync(options.path, { force: true });
    }
    this.#tellToEnd();
  };

  private constructor(runtime: Runtime) {
    this.#runtime = runtime;
    const { ticket, transfer } = runtime.system.invite();
    const options: DoormanOptions = {
      ticket,
      wake: this.#wake.descriptor.number,
      stop: this.#stop,
      ledger: this.#own.words,
    };
    this.#worker = new Worker(new URL('./doorman-main.js', import.meta.url), {
      workerData: options,
      transferList: transfer,
      name: 'vfio-user',
    });
    this.#worker.on('error', (error: Error) => process.emitWarning(error));
    this.#worker.on('message', (news: DoorNews) => this.#hear(news));
    runtime.system.watch(this.#worker, ticket);
    this.#ended = once(this.#worker, 'exit').then(() => this.#buried());
    runtime.bus.events.on('remove', this.#removed);
    runtime.bus.events.on('lost', this.#lost);
    runtime.system.events.on('threadDied', this.#threadDied);
    runtime.system.events.on('threadStop', this.#threadEnded);
    process.on('exit', this.#atExit);
  }

  /** Has the runtime's doorman wait at one more socket. EAGAIN: it would be the first, and no thread is left. */
  static open(runtime: Runtime, mdev: Mdev, home: number, options: DoorOptions): DoorHandle {
    let doorman = doormen.get(runtime);
    if (doorman === undefined) {
      doorman = new Doorman(runtime);
      doormen.set(runtime, doorman);
    }
    return doorman.#open(mdev, home, options);
  }

  #open(mdev: Mdev, home: number, options: DoorOptions): DoorHandle {
    const number = ++this.#lastNumber;
    const listening = outcome();
    const closed = outcome();
    const door: OpenDoor = { number, options, mdev, home, listening, closed };
    this.#doors.set(number, door);
    this.#await(number);
    this.#order({ kind: 'open', door: number, options });
    return { listening: listening.promise, closed: closed.promise, close: () => this.#close(door) };
  }

  #close({ number, options }: OpenDoor): void {
    if (Atomics.exchange(options.stop, 0, 1) !== 0) return;
    this.#await(number);
    this.#order({ kind: 'close', door: number });
  }

  #closeWhere(condition: (door: OpenDoor) => boolean): void {
    for (const door of this.#doors.values()) if (condition(door)) this.#close(door);
  }

  #hear(news: DoorNews): void {
    const door = this.#doors.get(news.door);
    if (door === undefined) return;
    if (news.kind === 'listening') {
      door.listening.resolve();
      if (Atomics.load(door.options.stop, 0) === 0) this.#forget(door.number);
      return;
    }
    this.#doors.delete(door.number);
    this.#end(door, news);
  }

  /** The last one goes with the thread. */
  #end({ number, listening, closed }: OpenDoor, news: DoorNews): void {
    const settle = () => {
      if (news.kind === 'failed') {
        const reason = news.message.replace(`${news.code}: `, '');
        listening.reject(new MediatedError(news.code, reason, { syscall: 'serve' }));
      }
      closed.resolve();
    };
    if (this.#doors.size > 0) {
      this.#forget(number);
      settle();
      return;
    }
    doormen.delete(this.#runtime);
    this.#tellToEnd();
    void this.#ended.then(settle);
  }

  #buried(): void {
    if (doormen.get(this.#runtime) === this) doormen.delete(this.#runtime);
    this.#runtime.bus.events.off('remove', this.#removed);
    this.#runtime.bus.events.off('lost', this.#lost);
    this.#runtime.system.events.off('threadDied', this.#threadDied);
    this.#runtime.system.events.off('threadStop', this.#threadEnded);
    process.off('exit', this.#atExit);
    this.#wake.close();
    this.#own.settle();
    // None are left unless it has died.
    for (const { options, listening, closed } of this.#doors.values()) {
      Atomics.store(options.stop, 0, 1);
      rmSync(options.path, { force: true });
      listening.reject(new MediatedError('EIO', 'the thread at the sockets has ended', { syscall: 'serve' }));
      closed.resolve();
    }
    this.#doors.clear();
  }

  #tellToEnd(): void {
    Atomics.store(this.#stop, 0, 1);
    this.#wake.signal();
  }

  #order(order: DoormanOrder): void {
    this.#worker.postMessage(order);
  }

  #await(number: number): void {
    this.#awaited.add(number);
    this.#worker.ref();
  }

  #forget(number: number): void {
    this.#awaited.delete(number);
    if (this.#awaited.size === 0) this.#worker.unref();
  }
}
