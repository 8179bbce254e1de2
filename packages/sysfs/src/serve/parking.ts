/**
 * How the thread that serves the mount is got out of `read(2)` when something else than a request comes for it: answers of
 * drivers, changes to tell, the end. A second thread, the waker, waits for that and then makes a request itself.
 *
 * Owner rules. EPOCH: odd while the server sleeps and wants to be woken; the server alone, which notifies when it becomes odd.
 * STOP: 1 once the server is to end; the thread that mounted. DONE: 1 when it has ended; the server. CHANGES: added to by the thread that mounted when something may
 * have changed for which a client waits.
 * Whether the sleeping server was rung is its PARKED word (`ForeignSleep`): 0 then.
 */
import type { ForeignSleep } from '@mediated/core/actor';

const EPOCH = 0;
const STOP = 1;
const CHANGES = 2;
const DONE = 3;
const WORDS = 4;

export type ParkingHandle = Int32Array<SharedArrayBuffer>;

export function createParking(): ParkingHandle {
  return new Int32Array(new SharedArrayBuffer(WORDS * 4));
}

/** Any thread: whether the server is to end. */
export function isStopped(words: ParkingHandle): boolean {
  return Atomics.load(words, STOP) !== 0;
}

/** The thread that mounted: the server is to end. The waker gets it out of its sleep. */
export function stop({ words, parked, parkedAt }: Bed): void {
  Atomics.store(words, STOP, 1);
  Atomics.notify(words, EPOCH);
  Atomics.notify(parked, parkedAt);
}

/** The server: it has ended. */
export function done(words: ParkingHandle): void {
  Atomics.store(words, DONE, 1);
  Atomics.notify(words, DONE);
}

/** The thread that mounted, at the end of the process: waits until the server has ended, but no longer than that. */
export function awaitDone(words: ParkingHandle, milliseconds: number): void {
  Atomics.wait(words, DONE, 0, milliseconds);
}

/** The thread that mounted: something may have changed. It rings for the server then. */
export function tellChange(words: ParkingHandle): void {
  Atomics.add(words, CHANGES, 1);
}

/** The server's side. */
export class Parking {
  readonly #words: ParkingHandle;
  readonly #sleep: ForeignSleep;
  #changes = 0;
  #wantsWaker = false;

  constructor(words: ParkingHandle, sleep: ForeignSleep) {
    this.#words = words;
    this.#sleep = sleep;
  }

  /** Before each sleep. False: there is something to do. `wantsWaker`: it is to be got out of its sleep when rung for. */
  fallAsleep(wantsWaker: boolean): boolean {
    if (!this.#sleep.begin()) return false;
    this.#wantsWaker = wantsWaker;
    if (wantsWaker) {
      Atomics.add(this.#words, EPOCH, 1);
      Atomics.notify(this.#words, EPOCH);
    }
    return true;
  }

  /** After each sleep. */
  wakeUp(): void {
    if (this.#wantsWaker) Atomics.add(this.#words, EPOCH, 1);
    this.#wantsWaker = false;
    this.#sleep.end();
  }

  /** Sleeps until something comes into the inbox, but no longer than that. It does not want to be woken for anything else. */
  nap(milliseconds: number): void {
    if (!this.#sleep.begin()) return;
    Atomics.wait(this.#sleep.words, this.#sleep.parkedAt, 1, milliseconds);
    this.#sleep.end();
  }

  /** Whether something may have changed since the last call. */
  takeChanges(): boolean {
    const changes = Atomics.load(this.#words, CHANGES);
    if (changes === this.#changes) return false;
    this.#changes = changes;
    return true;
  }
}

/** What the waker waits on. */
export interface Bed {
  readonly words: ParkingHandle;
  readonly parked: Int32Array;
  readonly parkedAt: number;
}

/** The waker's side: sleeps until the server has to be got out of its sleep. False: the server is to end. */
export function waitUntilRung({ words, parked, parkedAt }: Bed): boolean {
  while (!isStopped(words)) {
    const epoch = Atomics.load(words, EPOCH);
    if ((epoch & 1) === 0) Atomics.wait(words, EPOCH, epoch);
    else if (Atomics.load(parked, parkedAt) === 1) Atomics.wait(parked, parkedAt, 1);
    else if (Atomics.load(words, EPOCH) === epoch) return true;
  }
  return false;
}
