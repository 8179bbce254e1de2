/**
 * A scenario: creates of one parent on two or three threads, for the same UUID or for the last instance. `parameters`: see
 * {@link CreatePlan}.
 */
import type { World } from '@mediated/explorer';
import { ExploredParent, type ParentPlan } from './protocols-parent.fixture.js';

export interface CreatePlan extends ParentPlan {
  /** What each thread creates, by number of the UUID. */
  readonly uuids: readonly number[];
  /** Whether threads remove what they have created. */
  readonly removes?: boolean;
}

const EEXIST = 17;
const EUSERS = 87;

export async function creates(world: World): Promise<void> {
  const { uuids, removes = false, ...plan } = world.parameters as unknown as CreatePlan;
  const parent = await ExploredParent.open(world, plan);
  /** Per thread: what the create came to, as an errno. */
  const results = world.share('results', () => new Int32Array(new SharedArrayBuffer(4 * uuids.length)));
  for (const [thread, uuid] of uuids.entries()) {
    world.start(`shard ${thread}`, () => {
      const ask = parent.answerer(world.quietly(() => parent.actor(thread)));
      const handle = ask('create', Int32Array.of(uuid)) as number;
      results[thread] = Math.min(handle, 0);
      if (handle >= 0 && removes) ask('remove', Int32Array.of(0));
    });
  }
  world.afterwards(() => {
    const made = results.filter((result) => result === 0).length;
    const { length } = results;
    const distinct = new Set(uuids).size;
    const room = Math.min(plan.instances ?? length, distinct);
    const told = [...results].join();
    if (results.some((result) => result !== 0 && result !== -EEXIST && result !== -EUSERS)) throw new Error(told);
    if (distinct === length && results.includes(-EEXIST)) throw new Error(`a UUID of its own was taken: ${told}`);
    if (!removes && made !== room) throw new Error(`${made} were made, there is room for ${room}: ${told}`);
    parent.check(removes ? 0 : made);
  });
}
