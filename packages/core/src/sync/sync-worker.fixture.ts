/**
 * Worker of the lock tests: opens the locks it is given, runs one script, posts the script's answer.
 * A script calls `ready` when it has taken what it is to take, and `gate` to stay there until the test opens the gate
 * (or terminates the worker).
 */
import { parentPort, workerData } from 'node:worker_threads';
import {
  Completion,
  currentThread,
  enableLockDebug,
  type LockHandle,
  Mutex,
  RefCount,
  type RefCountKind,
  RwSemaphore,
  Semaphore,
  Srcu,
  ThreadTable,
} from '@mediated/core/sync';
import { isMediatedError } from '@mediated/core';

/** Words of the control array: workers that are ready, the gate, the first word free for the script. */
const READY = 0;
const GATE = 1;
const DATA = 2;

/** What a worker is to do. */
export interface Job {
  script: keyof typeof scripts;
  locks: LockHandle[];
  control: Int32Array<SharedArrayBuffer>;
  rounds: number;
  adopt: number | undefined;
}

const job = workerData as Job;
const { control, rounds } = job;

function ready(): void {
  Atomics.add(control, READY, 1);
  Atomics.notify(control, READY);
}

function gate(): void {
  Atomics.wait(control, GATE, 0);
}

function mutex(index = 0): Mutex {
  return Mutex.from(job.locks[index] as LockHandle<'mutex'>);
}

function rwSemaphore(): RwSemaphore {
  return RwSemaphore.from(job.locks[0] as LockHandle<'rwSemaphore'>);
}

function semaphore(): Semaphore {
  return Semaphore.from(job.locks[0] as LockHandle<'semaphore'>);
}

function refCount(): RefCount {
  return RefCount.from(job.locks[0] as LockHandle<RefCountKind>);
}

function completion(): Completion {
  return Completion.from(job.locks[0] as LockHandle<'completion'>);
}

function srcu(): Srcu {
  return Srcu.from(job.locks[0] as LockHandle<'srcu'>);
}

function codeOf(body: () => void): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    return isMediatedError(error) ? error.code : String(error);
  }
}

/** Adds to a word in two steps that another thread would disturb. */
function addUnprotected(index: number): void {
  control[index] = (control[index] as number) + 1;
}

const scripts = {
  /** Has a thread id until the gate opens. */
  idle: () => {
    const id = currentThread();
    ready();
    gate();
    return id;
  },
  release: () => {
    const id = currentThread();
    ThreadTable.current().release();
    return { id, after: ThreadTable.current().isTaken(id) };
  },
  mutexHold: () => {
    const guard = mutex().lockSync();
    ready();
    gate();
    guard.release();
  },
  mutexWait: () => {
    const lock = mutex();
    ready();
    const guard = lock.lockSync();
    const { ownerDied, code } = guard;
    guard.release();
    return { ownerDied, code };
  },
  mutexErrors: () => {
    const lock = mutex();
    const notOwner = codeOf(() => lock.unlock());
    const guard = lock.lockSync();
    const relock = codeOf(() => lock.lockSync());
    const tried = lock.tryLock();
    guard.release();
    guard.release();
    return { notOwner, relock, tried };
  },
  mutexTimeout: () => codeOf(() => mutex().lockSync({ timeout: 0 })),
  mutexCount: () => {
    const lock = mutex();
    ready();
    gate();
    for (let round = 0; round < rounds; round++) {
      const guard = lock.lockSync();
      addUnprotected(DATA);
      guard.release();
    }
  },
  mutexCountAwaiting: async () => {
    const lock = mutex();
    ready();
    gate();
    const task = async (): Promise<void> => {
      for (let round = 0; round < rounds / 2; round++) {
        using _guard = await lock.lock();
        addUnprotected(DATA);
      }
    };
    await Promise.all([task(), task()]);
  },
  /** Takes and releases without pause until terminated. */
  mutexHog: () => {
    const lock = mutex();
    ready();
    for (;;) {
      if (lock.tryLock()) lock.unlock();
    }
  },
  /** Awaits the mutex and blocks for a completion, while another thread wants the mutex. */
  mutexAwaitThenBlock: async () => {
    const lock = mutex();
    const completion = Completion.from(job.locks[1] as LockHandle<'completion'>);
    const pending = lock.lock();
    ready();
    completion.waitSync();
    (await pending).release();
  },
  mutexThenComplete: () => {
    const lock = mutex();
    ready();
    lock.lockSync().release();
    Completion.from(job.locks[1] as LockHandle<'completion'>).complete();
  },
  /** Takes the first lock and then the second, with the order checker on. */
  orderFirstSecond: () => {
    enableLockDebug();
    const first = mutex(0).lockSync();
    const second = mutex(1).lockSync();
    second.release();
    first.release();
  },
  readHold: () => {
    const guard = rwSemaphore().readSync();
    ready();
    gate();
    guard.release();
  },
  writeHold: () => {
    const guard = rwSemaphore().writeSync();
    ready();
    gate();
    guard.release();
  },
  writeWait: () => {
    const lock = rwSemaphore();
    ready();
    const guard = lock.writeSync();
    const { ownerDied } = guard;
    guard.release();
    return { ownerDied };
  },
  readWait: () => {
    const lock = rwSemaphore();
    ready();
    const guard = lock.readSync();
    const { ownerDied } = guard;
    guard.release();
    return { ownerDied };
  },
  rwErrors: () => {
    const lock = rwSemaphore();
    const read = lock.readSync();
    const upgrade = codeOf(() => lock.writeSync());
    read.release();
    const write = lock.writeSync();
    const readUnderWrite = codeOf(() => lock.readSync());
    write.release();
    return {
      upgrade,
      readUnderWrite,
      unlockRead: codeOf(() => lock.unlockRead()),
      unlockWrite: codeOf(() => lock.unlockWrite()),
    };
  },
  /** Writers keep two words equal; readers count how often they were not. */
  rwWrite: () => {
    const lock = rwSemaphore();
    ready();
    gate();
    for (let round = 0; round < rounds; round++) {
      using _guard = lock.writeSync();
      addUnprotected(DATA);
      addUnprotected(DATA + 1);
    }
  },
  rwRead: () => {
    const lock = rwSemaphore();
    let torn = 0;
    ready();
    gate();
    for (let round = 0; round < rounds; round++) {
      using _guard = lock.readSync();
      if (control[DATA] !== control[DATA + 1]) torn++;
    }
    return torn;
  },
  semaphoreHold: () => {
    const guard = semaphore().acquireSync(rounds);
    ready();
    gate();
    guard.release();
  },
  semaphoreWait: () => {
    const lock = semaphore();
    ready();
    lock.acquireSync(rounds).release();
  },
  /** Answers how many were inside at most. */
  semaphoreCount: () => {
    const lock = semaphore();
    let most = 0;
    ready();
    gate();
    for (let round = 0; round < rounds; round++) {
      using _guard = lock.acquireSync(1 + (round & 1));
      most = Math.max(most, Atomics.add(control, DATA, 1 + (round & 1)) + 1 + (round & 1));
      Atomics.sub(control, DATA, 1 + (round & 1));
    }
    return most;
  },
  semaphoreProduce: () => {
    const lock = semaphore();
    for (let round = 0; round < rounds; round++) lock.release();
    ready();
    gate();
  },
  refHold: () => {
    const lock = refCount();
    for (let round = 0; round < rounds; round++) lock.tryGet();
    ready();
    gate();
    for (let round = 0; round < rounds; round++) lock.put();
  },
  /** Gets and puts until refused; answers how often its put was the last. */
  refChurn: () => {
    const lock = refCount();
    let last = 0;
    ready();
    gate();
    for (let round = 0; round < rounds && lock.tryGet(); round++) {
      if (lock.put()) last++;
    }
    return last;
  },
  refZero: () => {
    const lock = refCount();
    ready();
    lock.zeroSync();
    return lock.value;
  },
  completionWait: () => {
    const lock = completion();
    ready();
    lock.waitSync();
    Atomics.add(control, DATA, 1);
  },
  srcuHold: () => {
    const lock = srcu();
    const bank = lock.readLock();
    ready();
    gate();
    lock.readUnlock(bank);
  },
  srcuSynchronize: () => srcu().synchronizeSync(),
  srcuErrors: () => {
    const lock = srcu();
    const bank = lock.readLock();
    const inside = codeOf(() => lock.synchronizeSync());
    lock.readUnlock(bank);
    const twice = codeOf(() => lock.readUnlock(bank));
    lock.synchronizeSync();
    return { inside, twice };
  },
  /** Reads which of two cells is current and counts how often that cell had been retired. */
  srcuRead: () => {
    const lock = srcu();
    let stale = 0;
    ready();
    gate();
    for (let round = 0; round < rounds; round++) {
      const bank = lock.readLock();
      const cell = Atomics.load(control, DATA);
      if (Atomics.load(control, DATA + 1 + cell) !== 1) stale++;
      lock.readUnlock(bank);
    }
    return stale;
  },
  /** Swaps the current cell and retires the old one after a grace period. */
  srcuWrite: () => {
    const lock = srcu();
    ready();
    gate();
    for (let round = 0; round < rounds; round++) {
      const old = Atomics.load(control, DATA);
      Atomics.store(control, DATA + 1 + (1 - old), 1);
      Atomics.store(control, DATA, 1 - old);
      lock.synchronizeSync();
      Atomics.store(control, DATA + 1 + old, 0);
    }
  },
};

if (job.adopt !== undefined) ThreadTable.current().adopt(job.adopt);
parentPort?.postMessage(await scripts[job.script]());
