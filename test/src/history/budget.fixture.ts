/** A scenario: displays are made on two threads out of a budget that is enough for one (mbochs section 1). */
import type { World } from '@mediated/explorer';

// Before anything else is loaded, as in test/src/explore/protocols-parent.fixture.ts.
if (process.env.MEDIATED_OLD_CODE !== undefined) {
  await import(new URL('./with-old-code.fixture.js', import.meta.url).href);
}
const { LockSpace, Semaphore } = await import('@mediated/core/sync');
const { currentThread, ThreadTable } = await import('../../../packages/core/dist/sync/threads.js');
const { reserve } = await import('../../../packages/vendors/dist/mbochs/budget.js');

const TABLE_WORDS = 68;
const LARGE = 64;

export function twoDisplays(world: World): void {
  const handle = world.share('budget', () => {
    const threads = new SharedArrayBuffer(TABLE_WORDS * 4);
    new Int32Array(threads)[0] = 1;
    const space = LockSpace.create({ words: 1024 });
    space.close();
    return { ...space.semaphore(LARGE).handle, threads };
  });
  const made = world.share('made', () => new Int32Array(new SharedArrayBuffer(4)));
  if (world.thread >= 0) {
    ThreadTable.join(handle.threads);
    currentThread();
  }
  for (const name of ['one', 'other']) {
    world.start(name, () => {
      try {
        reserve(Semaphore.from(handle), LARGE, () => Atomics.add(made, 0, 1));
      } catch (error) {
        if ((error as { code?: string }).code !== 'ENOSPC') throw error;
      }
    });
  }
  world.afterwards(() => {
    if (made[0] !== 1) throw new Error(`${made[0]} displays of ${LARGE} MB were made out of ${LARGE} MB`);
  });
}
