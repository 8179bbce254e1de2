/** The scenario of reference counts. */
import type { World } from '@mediated/explorer';
import { demand, openYard } from './yard.fixture.js';

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
