/** The scenario of SRCU. */
import type { World } from '@mediated/explorer';
import { demand, openYard } from './yard.fixture.js';

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
