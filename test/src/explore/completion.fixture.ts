/** The scenario of completions. */
import type { World } from '@mediated/explorer';
import { codeOf, demand, openYard } from './yard.fixture.js';

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
