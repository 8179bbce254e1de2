/** Scenarios of the read-write semaphore, SRCU, completions, semaphores, reference counts and the lock space. */
import type { World } from '@mediated/explorer';
import { codeOf, count, demand, openYard } from './yard.fixture.js';

/** How a thread takes part in the scenario of a read-write semaphore. */
type Part =
  | 'read'
  | 'write'
  | 'await writes'
  | 'await read'
  | 'await write'
  | 'try read'
  | 'try write'
  | 'hasty read'
  | 'hasty write';

/** Readers and writers as `parameters.parts` says. Words 0 and 1 are equal but for a moment in which a writer is alone. */
export async function readersAndWriters(world: World): Promise<void> {
  const { sync, table, data, lock } = await openYard(world);
  const { parts = ['read', 'write'] } = world.parameters as { parts?: readonly Part[] };
  const handle = lock('semaphore', (space) => space.rwSemaphore());
  const look = () => {
    const first = Atomics.load(data, 0);
    const second = Atomics.load(data, 1);
    demand(first === second, `read ${first} and ${second} while a writer was inside`);
  };
  const change = () => {
    count(data, 0);
    count(data, 1);
  };
  const gaveUp = (error: unknown) => {
    demand(codeOf(error) === 'ETIMEDOUT', codeOf(error));
    Atomics.add(data, 2, 1);
  };
  for (const [thread, part] of parts.entries()) {
    world.start(`${part} ${thread}`, async () => {
      const semaphore = sync.RwSemaphore.from(handle);
      const writes = part.endsWith('write');
      if (part === 'try read') {
        if (!semaphore.tryRead()) return;
        look();
        semaphore.unlockRead();
      } else if (part === 'try write') {
        if (!semaphore.tryWrite()) return;
        change();
        semaphore.unlockWrite();
        Atomics.add(data, 3, 1);
      } else {
        const options = part.startsWith('hasty') ? { timeout: 10 } : {};
        if (part === 'await writes') {
          const task = async () => {
            const guard = await semaphore.write();
            change();
            guard.release();
          };
          await Promise.all([task(), task()]);
          return;
        }
        try {
          const awaits = part.startsWith('await');
          const guard = writes
            ? awaits
              ? await semaphore.write()
              : semaphore.writeSync(options)
            : awaits
              ? await semaphore.read()
              : semaphore.readSync(options);
          if (writes && !guard.ownerDied) change();
          else if (!writes && !guard.ownerDied) look();
          else {
            // A writer has died: what it wrote may be half-done.
            Atomics.store(data, 0, 0);
            Atomics.store(data, 1, 0);
            if (writes) semaphore.markConsistent();
          }
          guard.release();
        } catch (error) {
          if (!part.startsWith('hasty')) throw error;
          gaveUp(error);
        }
      }
    });
  }
  world.whenKilled((thread) => {
    table.reap(thread, { keep: true });
    Atomics.add(data, 4, 1);
  });
  world.afterwards(() => {
    const semaphore = sync.RwSemaphore.from({ ...handle, threads: sync.ThreadTable.current().buffer });
    demand(semaphore.readers === 0, `${semaphore.readers} readers are left`);
    demand(semaphore.writer === -1, `thread ${semaphore.writer} is left as the writer`);
    demand(semaphore.tryWrite(), 'nobody holds it, and it cannot be taken for writing');
    semaphore.unlockWrite();
    demand(semaphore.tryRead(), 'nobody holds it, and it cannot be taken for reading');
    semaphore.unlockRead();
    demand(semaphore.stats().waiting === 0, `${semaphore.stats().waiting} threads are still said to wait`);
    if (data[4] !== 0) return;
    const writers = parts.filter((part) => part.includes('write') && part !== 'try write').length;
    const most = writers + Number(data[3]) + parts.filter((part) => part === 'await writes').length;
    demand(
      Number(data[0]) <= most && Number(data[0]) >= most - Number(data[2]),
      `${data[0]} of ${most} writes are left`,
    );
  });
}

/** A reader that goes on only when somebody has tried to write: trying never waits. */
export async function tryingDoesNotWait(world: World): Promise<void> {
  const { sync, lock } = await openYard(world);
  const handle = lock('semaphore', (space) => space.rwSemaphore());
  const tried = lock('tried', (space) => space.completion());
  world.start('reader', () => {
    const guard = sync.RwSemaphore.from(handle).readSync();
    sync.Completion.from(tried).waitSync();
    guard.release();
  });
  world.start('tries', () => {
    const semaphore = sync.RwSemaphore.from(handle);
    if (semaphore.tryWrite()) semaphore.unlockWrite();
    if (semaphore.tryRead()) semaphore.unlockRead();
    sync.Completion.from(tried).complete();
  });
}

/** A reader of SRCU, and an updater that frees what it has replaced after a grace period. */
export async function gracePeriods(world: World): Promise<void> {
  const { sync, table, data, lock } = await openYard(world);
  const {
    readers = 1,
    updaters = 1,
    awaiting = false,
  } = world.parameters as {
    readers?: number;
    updaters?: number;
    awaiting?: boolean;
  };
  const handle = lock('srcu', (space) => space.srcu());
  // Word 0: the current version; word 8 + v: 1 once version v is freed.
  for (let reader = 0; reader < readers; reader++) {
    world.start(`reader ${reader}`, () => {
      const srcu = sync.Srcu.from(handle);
      const token = srcu.readLock();
      const version = Atomics.load(data, 0);
      demand(Atomics.load(data, 8 + version) === 0, `version ${version} was freed under its reader`);
      srcu.readUnlock(token);
    });
  }
  for (let updater = 0; updater < updaters; updater++) {
    world.start(`updater ${updater}`, async () => {
      const srcu = sync.Srcu.from(handle);
      const before = Atomics.add(data, 0, 1);
      if (awaiting) await srcu.synchronize();
      else srcu.synchronizeSync();
      Atomics.store(data, 8 + before, 1);
    });
  }
  world.whenKilled((thread) => {
    table.reap(thread, { keep: true });
  });
  world.afterwards(() => {
    const srcu = sync.Srcu.from({ ...handle, threads: sync.ThreadTable.current().buffer });
    demand(srcu.stats().waiting === 0, `${srcu.stats().waiting} threads are still said to wait`);
  });
}

/** Waiters for a completion, and those who complete it: one each, or all at once. */
export async function completions(world: World): Promise<void> {
  const { sync, data, lock } = await openYard(world);
  const {
    waiters = 1,
    all = false,
    hasty = false,
    awaiting = false,
  } = world.parameters as {
    waiters?: number;
    all?: boolean;
    hasty?: boolean;
    awaiting?: boolean;
  };
  const handle = lock('completion', (space) => space.completion());
  for (let waiter = 0; waiter < waiters; waiter++) {
    world.start(`waiter ${waiter}`, async () => {
      const completion = sync.Completion.from(handle);
      try {
        const options = hasty && waiter === 0 ? { timeout: 10 } : {};
        if (awaiting) await completion.wait(options);
        else completion.waitSync(options);
        demand(Atomics.load(data, 0) > 0, 'came through before it was complete');
      } catch (error) {
        demand(hasty && codeOf(error) === 'ETIMEDOUT', codeOf(error));
        Atomics.add(data, 1, 1);
      }
    });
  }
  world.start('completer', () => {
    const completion = sync.Completion.from(handle);
    for (let waiter = 0; waiter < (all ? 1 : waiters); waiter++) {
      Atomics.add(data, 0, 1);
      if (all) completion.completeAll();
      else completion.complete();
    }
  });
  world.afterwards(() => {
    const completion = sync.Completion.from({ ...handle, threads: sync.ThreadTable.current().buffer });
    demand(completion.stats().waiting === 0, `${completion.stats().waiting} threads are still said to wait`);
    if (all) return;
    for (let left = Number(data[1]); left > 0; left--) demand(completion.tryWait(), 'a completion is lost');
    demand(!completion.tryWait(), 'a completion was used twice');
  });
}

/** Takers of a semaphore: `parameters.wants` permits each, of `parameters.permits`. */
export async function permits(world: World): Promise<void> {
  const { sync, space, table, data, lock } = await openYard(world);
  const {
    permits: initial = 1,
    wants = [1, 1],
    hasty = false,
    awaiting = false,
  } = world.parameters as {
    permits?: number;
    wants?: readonly number[];
    hasty?: boolean;
    awaiting?: boolean;
  };
  const handle = lock('semaphore', (space) => space.semaphore(initial));
  for (const [thread, amount] of wants.entries()) {
    world.start(`taker ${thread}`, async () => {
      const semaphore = sync.Semaphore.from(handle);
      const options = hasty && thread === 0 ? { timeout: 10 } : {};
      try {
        const guard = awaiting ? await semaphore.acquire(amount, options) : semaphore.acquireSync(amount, options);
        const out = Atomics.add(data, 0, amount) + amount;
        demand(out <= initial || Atomics.load(data, 1) > 0, `${out} of ${initial} permits are out`);
        Atomics.sub(data, 0, amount);
        guard.release();
      } catch (error) {
        demand(hasty && codeOf(error) === 'ETIMEDOUT', codeOf(error));
      }
    });
  }
  world.whenKilled((thread) => {
    // What was counted as out may stay so.
    Atomics.add(data, 1, 1);
    table.reap(thread, { keep: true });
  });
  world.afterwards(() => {
    const semaphore = sync.Semaphore.from({ ...handle, threads: sync.ThreadTable.current().buffer });
    demand(semaphore.value === initial, `${semaphore.value} of ${initial} permits are left`);
    for (const thread of wants.keys()) space.recover(thread);
    demand(semaphore.value === initial, `${semaphore.value} of ${initial} permits after everybody's death`);
    demand(semaphore.stats().waiting === 0, `${semaphore.stats().waiting} threads are still said to wait`);
  });
}

/** A waiter for several permits, woken in vain, stands before one for whom there is a permit, and somebody waits for that. */
export async function bulkWaiter(world: World): Promise<void> {
  const { sync, lock } = await openYard(world);
  const handle = lock('semaphore', (space) => space.semaphore(2));
  const done = lock('done', (space) => space.completion());
  world.start('brief', () => {
    sync.Semaphore.from(handle).acquireSync(1).release();
  });
  world.start('long', () => {
    const guard = sync.Semaphore.from(handle).acquireSync(1);
    sync.Completion.from(done).waitSync();
    guard.release();
  });
  world.start('wants 2', () => {
    sync.Semaphore.from(handle).acquireSync(2).release();
  });
  world.start('wants 1', () => {
    sync.Semaphore.from(handle).acquireSync(1).release();
    sync.Completion.from(done).complete();
  });
}

/** Bearers of a reference count, the initial reference put by one of them, and one who waits for zero. */
export async function references(world: World): Promise<void> {
  const { sync, table, data, lock } = await openYard(world);
  const {
    bearers = 1,
    tracked = false,
    awaiting = false,
  } = world.parameters as {
    bearers?: number;
    tracked?: boolean;
    awaiting?: boolean;
  };
  const handle = lock('references', (space) => space.refCount(1, undefined, { tracked }));
  for (let bearer = 0; bearer < bearers; bearer++) {
    world.start(`bearer ${bearer}`, () => {
      const references = sync.RefCount.from(handle);
      if (!references.tryGet()) return;
      demand(Atomics.load(data, 0) === 0, 'there was a reference, and what it is for was gone');
      if (references.put()) Atomics.add(data, 1, 1);
    });
  }
  world.start(
    'owner',
    () => {
      const references = sync.RefCount.from(handle);
      if (references.put()) Atomics.add(data, 1, 1);
    },
    { mortal: false },
  );
  world.start(
    'waiter',
    async () => {
      const references = sync.RefCount.from(handle);
      if (awaiting) await references.zero();
      else references.zeroSync();
      Atomics.store(data, 0, 1);
    },
    { mortal: false },
  );
  world.whenKilled((thread) => {
    Atomics.add(data, 2, 1);
    table.reap(thread, { keep: true });
  });
  world.afterwards(() => {
    const references = sync.RefCount.from({ ...handle, threads: sync.ThreadTable.current().buffer });
    demand(references.value === 0, `${references.value} references are left`);
    demand(data[1] === 1 || data[2] !== 0, `${data[1]} of the puts were the last`);
  });
}

/** Threads that make and free locks in one space, and may die in it. */
export async function lockSpaces(world: World): Promise<void> {
  const { sync, space, data } = await openYard(world, 16 * 5);
  const { threads = 2 } = world.parameters as { threads?: number };
  for (let thread = 0; thread < threads; thread++) {
    world.start(`maker ${thread}`, () => {
      const first = space.mutex();
      const offset = first.handle.offset;
      demand(Atomics.add(data, offset, 1) === 0, 'two locks at the same place');
      demand(first.tryLock(), 'a fresh mutex is held');
      first.unlock();
      Atomics.sub(data, offset, 1);
      space.free(first);
      const second = space.mutex();
      demand(Atomics.add(data, second.handle.offset, 1) === 0, 'two locks at the same place');
      demand(second.tryLock(), 'a fresh mutex is held');
      second.unlock();
    });
  }
  world.afterwards(() => {
    demand(space.used <= 16 * 5, 'the space is more than full');
    demand(sync.MAX_THREADS === 64, 'the table has another size');
  });
}
