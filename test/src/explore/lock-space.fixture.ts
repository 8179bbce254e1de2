/** The scenario of the lock space. */
import type { World } from '@mediated/explorer';
import { demand, openYard } from './yard.fixture.js';

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
