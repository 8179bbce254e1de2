/**
 * A scenario: unregistration of a parent, while something goes on with its devices on another thread. `parameters`: see
 * {@link UnregisterPlan}.
 */
import type { World } from '@mediated/explorer';
import { ask, leave, preload, serve } from './protocols-mail.fixture.js';
import { ASKERS, ExploredParent, type ParentPlan, until } from './protocols-parent.fixture.js';

export interface UnregisterPlan extends ParentPlan {
  /** What comes meanwhile: a create, or the removal of a device that is there. */
  readonly operation: 'create' | 'remove';
  /** Whether it comes from a thread of its own, at any time, or lies in the mail from the beginning. */
  readonly client?: boolean;
  /** What a slow callback waits for is held by home until unregistration has returned: a deadlock by design. */
  readonly heldByHome?: boolean;
}

export async function unregister(world: World): Promise<void> {
  const plan = world.parameters as unknown as UnregisterPlan;
  const { operation, client = false, slow, heldByHome = false } = plan;
  const parent = await ExploredParent.open(world, plan);
  const { mail } = parent;
  const ready = world.share('ready', () => new Int32Array(new SharedArrayBuffer(4)));
  if (!client && world.thread < 0) preload(mail, 1, operation, [1]);
  world.start('home', async () => {
    const home = world.quietly(() => parent.actor(0));
    await until(ready);
    await parent.unregister(home);
    if (heldByHome) parent.letEnd();
    leave(mail, 0);
  });
  world.start('shard', async () => {
    const shard = world.quietly(() => parent.actor(1));
    const answer = parent.answerer(shard);
    if (operation === 'remove') world.quietly(() => void answer('create', Int32Array.of(1)));
    Atomics.store(ready, 0, 1);
    Atomics.notify(ready, 0);
    await serve(mail, ASKERS, answer);
  });
  if (client) {
    world.start('client', async () => {
      await until(ready);
      await ask(mail, 1, operation, 1);
      leave(mail, 1);
    });
  }
  // Home, which has no devices of its own.
  if (world.thread === 0) world.atThreadEnd(() => parent.demandNothingHeld());
  if (slow !== undefined && !heldByHome) world.start('user', () => parent.letEnd());
  parent.checkAfterwards();
}
