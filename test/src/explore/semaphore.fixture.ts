/** Scenarios of the semaphore. */
import type { World } from '@mediated/explorer';
import { codeOf, demand, openYard } from './yard.fixture.js';

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
