/**
 * Scenarios of the mutex: mutual exclusion, hand-over to an heir, time-out and abort racing a wake-up, death of the owner
 * and of waiters. `parameters.threads` threads, each `parameters.rounds` times.
 */
import type * as Sync from '@mediated/core/sync';
import type { World } from '@mediated/explorer';
import type * as Waiting from '../../../packages/core/dist/sync/wait-queue.js';
import { codeOf, count, demand, openYard } from './yard.fixture.js';

/** Words of a mutex (`mutex-words.ts`) that a scenario looks at. */
const HEIR = 5;
/** Losses after which a waiter becomes the heir. */
const LOSSES = 4;

interface Setting {
  readonly threads: number;
  readonly rounds: number;
}

function settingOf(world: World): Setting {
  const { threads = 2, rounds = 1 } = world.parameters as Partial<Setting>;
  return { threads, rounds };
}

/** The mutex is as if nobody had ever used it. */
function demandIdle(handle: Sync.LockHandle<'mutex'>, sync: typeof Sync): void {
  const mutex = sync.Mutex.from({ ...handle, threads: sync.ThreadTable.current().buffer });
  demand(mutex.owner === -1, `thread ${mutex.owner} still owns it`);
  demand(mutex.tryLock(), 'nobody owns it, and it cannot be taken');
  mutex.unlock();
  const words = new Int32Array(handle.buffer);
  demand(words[handle.offset + HEIR] === 0, `thread ${(words[handle.offset + HEIR] ?? 0) - 1} is still the heir`);
  demand(mutex.stats().waiting === 0, `${mutex.stats().waiting} threads are still said to wait`);
}

/** Blocking takes. */
export async function mutexBlocking(world: World): Promise<void> {
  const { sync, data, lock } = await openYard(world);
  const { threads, rounds } = settingOf(world);
  const handle = lock('mutex', (space) => space.mutex());
  for (let thread = 0; thread < threads; thread++) {
    world.start(`blocker ${thread}`, () => {
      const mutex = sync.Mutex.from(handle);
      for (let round = 0; round < rounds; round++) {
        mutex.lockSync();
        count(data, 0);
        mutex.unlock();
      }
    });
  }
  world.afterwards(() => {
    demand(data[0] === threads * rounds, `${data[0]} of ${threads * rounds} updates are left`);
    demandIdle(handle, sync);
  });
}

/** Awaiting takes, by two tasks of each thread. */
export async function mutexAwaiting(world: World): Promise<void> {
  const { sync, data, lock } = await openYard(world);
  const { threads, rounds } = settingOf(world);
  const handle = lock('mutex', (space) => space.mutex());
  for (let thread = 0; thread < threads; thread++) {
    world.start(`awaiter ${thread}`, async () => {
      const task = async () => {
        const mutex = sync.Mutex.from(handle);
        for (let round = 0; round < rounds; round++) {
          const guard = await mutex.lock();
          count(data, 0);
          guard.release();
        }
      };
      // Two tasks on the first thread, one on the others.
      await Promise.all(thread === 0 ? [task(), task()] : [task()]);
    });
  }
  world.afterwards(() => {
    demand(data[0] === (threads + 1) * rounds, `${data[0]} of ${(threads + 1) * rounds} updates are left`);
    demandIdle(handle, sync);
  });
}

/** One thread blocks, the others await. */
export async function mutexMixed(world: World): Promise<void> {
  const { sync, data, lock } = await openYard(world);
  const { threads } = settingOf(world);
  const handle = lock('mutex', (space) => space.mutex());
  world.start('blocker', () => {
    const mutex = sync.Mutex.from(handle);
    const guard = mutex.lockSync();
    count(data, 0);
    guard.release();
  });
  for (let thread = 1; thread < threads; thread++) {
    world.start(`awaiter ${thread}`, async () => {
      const guard = await sync.Mutex.from(handle).lock();
      count(data, 0);
      guard.release();
    });
  }
  world.afterwards(() => {
    demand(data[0] === threads, `${data[0]} of ${threads} updates are left`);
    demandIdle(handle, sync);
  });
}

/** Waiters with time-outs: whoever gives up leaves nothing behind and takes no wake-up along. */
export async function mutexTimeout(world: World): Promise<void> {
  const { sync, data, lock } = await openYard(world);
  const { threads } = settingOf(world);
  const handle = lock('mutex', (space) => space.mutex());
  world.start('holder', () => {
    const mutex = sync.Mutex.from(handle);
    mutex.lockSync();
    count(data, 0);
    mutex.unlock();
  });
  world.start('hasty', () => {
    const mutex = sync.Mutex.from(handle);
    try {
      mutex.lockSync({ timeout: 10 });
    } catch (error) {
      demand(codeOf(error) === 'ETIMEDOUT', codeOf(error));
      data[1] = 1;
      return;
    }
    count(data, 0);
    mutex.unlock();
  });
  for (let thread = 2; thread < threads; thread++) {
    world.start('patient', () => {
      const mutex = sync.Mutex.from(handle);
      mutex.lockSync();
      count(data, 0);
      mutex.unlock();
    });
  }
  world.afterwards(() => {
    const updates = Number(data[0]) + Number(data[1]);
    demand(updates === threads, `${data[0]} updates are left, ${data[1]} gave up`);
    demandIdle(handle, sync);
  });
}

/** The same, awaiting: one waiter has a signal; another has a time-out or, with `parameters.patient`, neither. */
export async function mutexAbort(world: World): Promise<void> {
  const { sync, data, lock } = await openYard(world);
  const { threads } = settingOf(world);
  const handle = lock('mutex', (space) => space.mutex());
  world.start('holder', () => {
    const mutex = sync.Mutex.from(handle);
    mutex.lockSync();
    count(data, 0);
    mutex.unlock();
  });
  for (let thread = 1; thread < threads; thread++) {
    const hasty = thread === 1;
    world.start(hasty ? 'aborted' : 'hasty', async () => {
      const mutex = sync.Mutex.from(handle);
      const controller = new AbortController();
      if (hasty) setTimeout(() => controller.abort(), 10);
      try {
        const timeout = world.parameters.patient === true ? undefined : 10;
        const guard = await mutex.lock(hasty ? { signal: controller.signal } : { timeout });
        count(data, 0);
        guard.release();
      } catch (error) {
        demand(codeOf(error) === (hasty ? 'ECANCELED' : 'ETIMEDOUT'), codeOf(error));
        data[thread] = 1;
      }
    });
  }
  world.afterwards(() => {
    const updates = Number(data[0]) + Number(data[1]) + Number(data[2]);
    demand(updates === threads, `${data[0]} updates are left, ${updates - Number(data[0])} gave up`);
    demandIdle(handle, sync);
  });
}

/** A waiter that has lost often enough to become the heir; `parameters.hasty`: it has a time-out. */
export async function mutexHeir(world: World): Promise<void> {
  const { sync, data, lock } = await openYard(world);
  const { threads } = settingOf(world);
  const { WaitQueue } = await world.import<typeof Waiting>('../../../packages/core/dist/sync/wait-queue.js');
  const handle = lock('mutex', (space) => space.mutex());
  const timeout = world.parameters.hasty === true ? 10 : undefined;
  world.start('holder', () => {
    const mutex = sync.Mutex.from(handle);
    for (let round = 0; round < 2; round++) {
      mutex.lockSync();
      count(data, 0);
      mutex.unlock();
    }
  });
  for (let thread = 1; thread < threads; thread++) {
    world.start(`heir ${thread}`, () => {
      const mutex = sync.Mutex.from(handle);
      const words = new Int32Array(handle.buffer);
      const queue = new WaitQueue(words, handle.offset + 1, {
        attempt: (amount, losses) => mutex.attempt(amount, losses + LOSSES),
        withdraw: () => mutex.withdraw(),
      });
      try {
        queue.enterSync('lockSync', 1, timeout);
      } catch (error) {
        demand(timeout !== undefined && codeOf(error) === 'ETIMEDOUT', codeOf(error));
        data[thread] = 1;
        return;
      }
      demand(mutex.held, 'what was granted is not held');
      count(data, 0);
      mutex.unlock();
    });
  }
  world.afterwards(() => {
    const updates = Number(data[0]) + Number(data[1]) + Number(data[2]);
    demand(updates === threads + 1, `${data[0]} updates are left, ${updates - Number(data[0])} gave up`);
    demandIdle(handle, sync);
  });
}

/** Threads that may be killed anywhere: the lock passes on, and whoever gets it after a dead owner is told. */
export async function mutexDeath(world: World): Promise<void> {
  const { sync, table, data, lock } = await openYard(world);
  const { threads } = settingOf(world);
  const handle = lock('mutex', (space) => space.mutex());
  for (let thread = 0; thread < threads; thread++) {
    world.start(`mortal ${thread}`, async () => {
      const mutex = sync.Mutex.from(handle);
      const guard = thread === 1 && world.parameters.awaiting === true ? await mutex.lock() : mutex.lockSync();
      // 1 while somebody is inside: whoever finds it was preceded by a dead owner, and is told so.
      const inside = Atomics.load(data, 0);
      demand(inside === 0 || guard.ownerDied, 'the owner before has died, and its successor was not told');
      Atomics.store(data, 0, 1);
      Atomics.store(data, 0, 0);
      guard.release();
      Atomics.add(data, 1, 1);
    });
  }
  world.whenKilled((thread) => {
    table.reap(thread, { keep: true });
    Atomics.add(data, 2, 1);
  });
  world.afterwards(() => {
    demand(Number(data[1]) + Number(data[2]) >= threads, `${data[1]} came through, ${data[2]} died`);
    const words = new Int32Array(handle.buffer);
    const state = Number(words[handle.offset]) & ~0x200;
    demand(state === 0, `the state is left as ${words[handle.offset]}`);
    demand(words[handle.offset + HEIR] === 0, 'an heir is left');
  });
}

/**
 * A thread awaits a completion and then blocks for a mutex, whose owner waits for that completion too: what the event loop
 * of a blocked thread is notified of must not stay with it.
 */
export async function listenerBlocks(world: World): Promise<void> {
  const { sync, data, lock } = await openYard(world);
  const ready = lock('ready', (space) => space.completion());
  const mutex = lock('mutex', (space) => space.mutex());
  world.start('completer', () => {
    while (Atomics.load(data, 0) === 0) Atomics.wait(data, 0, 0);
    sync.Completion.from(ready).complete();
  });
  world.start('listener', async () => {
    const wanted = sync.Completion.from(ready).wait();
    Atomics.store(data, 0, 1);
    Atomics.notify(data, 0);
    sync.Mutex.from(mutex).lockSync().release();
    await wanted;
    sync.Completion.from(ready).complete();
  });
  world.start('owner', () => {
    const guard = sync.Mutex.from(mutex).lockSync();
    sync.Completion.from(ready).waitSync();
    guard.release();
    sync.Completion.from(ready).complete();
  });
  world.afterwards(() => demandIdle(mutex, sync));
}

/** One thread awaits a mutex and blocks for it at the same time. */
export async function mutexBoth(world: World): Promise<void> {
  const { sync, data, lock } = await openYard(world);
  const handle = lock('mutex', (space) => space.mutex());
  world.start('both', async () => {
    const mutex = sync.Mutex.from(handle);
    while (mutex.owner < 0 && Atomics.load(data, 0) === 0) Atomics.wait(data, 1, 0);
    const wanted = mutex.lock();
    if (!mutex.held) mutex.lockSync().release();
    (await wanted).release();
  });
  world.start('holder', () => {
    const mutex = sync.Mutex.from(handle);
    mutex.lockSync();
    Atomics.store(data, 1, 1);
    Atomics.notify(data, 1);
    mutex.unlock();
    Atomics.store(data, 0, 1);
    mutex.lockSync();
    mutex.unlock();
  });
  world.afterwards(() => demandIdle(handle, sync));
}

/** What is released twice, or without being held, when somebody else may have the lock. */
export async function mutexGuards(world: World): Promise<void> {
  const { sync, data, lock } = await openYard(world);
  const handle = lock('mutex', (space) => space.mutex());
  for (const name of ['tidy', 'overtidy']) {
    world.start(name, () => {
      const mutex = sync.Mutex.from(handle);
      const guard = mutex.lockSync();
      count(data, 0);
      guard.release();
      if (name === 'tidy') return;
      guard.release();
      let code = 'nothing';
      try {
        mutex.unlock();
      } catch (error) {
        code = codeOf(error);
      }
      demand(code === 'EPERM', `unlocking what is not held answers ${code}`);
    });
  }
  world.afterwards(() => {
    demand(data[0] === 2, `${data[0]} of 2 updates are left`);
    demandIdle(handle, sync);
  });
}

/** An heir and a holder, of whom one may be killed. `parameters.hasty`: the heir has a time-out. */
export async function mutexHeirDeath(world: World): Promise<void> {
  const { sync, table, data, lock } = await openYard(world);
  const { WaitQueue } = await world.import<typeof Waiting>('../../../packages/core/dist/sync/wait-queue.js');
  const handle = lock('mutex', (space) => space.mutex());
  const timeout = world.parameters.hasty === true ? 10 : undefined;
  for (const thread of [0, 1]) {
    world.start(thread === 0 ? 'holder' : 'heir', () => {
      const mutex = sync.Mutex.from(handle);
      if (thread === 0) mutex.lockSync();
      else {
        const queue = new WaitQueue(new Int32Array(handle.buffer), handle.offset + 1, {
          attempt: (amount, losses) => mutex.attempt(amount, losses + LOSSES),
          withdraw: () => mutex.withdraw(),
        });
        try {
          queue.enterSync('lockSync', 1, timeout);
        } catch (error) {
          demand(timeout !== undefined && codeOf(error) === 'ETIMEDOUT', codeOf(error));
          return;
        }
      }
      demand(mutex.held, 'what was granted is not held');
      Atomics.add(data, 1, 1);
      mutex.unlock();
    });
  }
  world.whenKilled((thread) => {
    table.reap(thread, { keep: true });
    Atomics.add(data, 2, 1);
  });
  world.afterwards(() => {
    const words = new Int32Array(handle.buffer);
    demand((Number(words[handle.offset]) & ~0x200) === 0, `the state is left as ${words[handle.offset]}`);
    demand(words[handle.offset + HEIR] === 0, 'an heir is left');
  });
}
