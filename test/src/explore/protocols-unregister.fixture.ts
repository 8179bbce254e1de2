/** Scenarios: unregistration of a parent, while something goes on with its devices on another thread. */
import type { World } from '@mediated/explorer';
import { ask, leave, preload, serve } from './protocols-mail.fixture.js';
import { ExploredParent, type ParentPlan, until } from './protocols-parent.fixture.js';

/** `before`: a device is there, and a removal of it comes; else a create comes. From a third thread, if there is one. */
function unregister(world: World, plan: ParentPlan, operation: 'create' | 'remove', actors: 2 | 3): void {
  const parent = new ExploredParent(world, { ...plan, clients: 1 });
  const { mail } = parent;
  const ready = world.share('ready', () => new Int32Array(new SharedArrayBuffer(4)));
  if (actors === 2 && world.thread < 0) preload(mail, 1, operation, [1]);
  world.start('home', async () => {
    const home = world.quietly(() => parent.actor(0));
    await until(ready);
    await parent.unregister(home);
    leave(mail, 0);
  });
  world.start('shard', async () => {
    const shard = world.quietly(() => parent.actor(1));
    const answer = parent.answerer(shard);
    if (operation === 'remove') world.quietly(() => void answer('create', Int32Array.of(1)));
    Atomics.store(ready, 0, 1);
    Atomics.notify(ready, 0);
    await serve(mail, 2, answer);
  });
  if (actors === 3) {
    world.start('client', async () => {
      await until(ready);
      await ask(mail, 1, operation, 1);
      leave(mail, 1);
    });
  }
  if (plan.slow !== undefined) world.start('user', () => parent.letEnd());
  parent.checkAfterwards();
}

type Gate = ParentPlan['gate'];
const scenario =
  (gate: Gate, operation: 'create' | 'remove', actors: 2 | 3, slow?: ParentPlan['slow']) => (world: World) =>
    unregister(world, { gate, clients: 1, slow }, operation, actors);

export const rwsemCreate2 = scenario('rwsem', 'create', 2);
export const rwsemCreate3 = scenario('rwsem', 'create', 3);
/** Three threads: the third lets the driver's callback end. */
export const rwsemSlowCreate = scenario('rwsem', 'create', 2, 'probe');
export const rwsemRemove2 = scenario('rwsem', 'remove', 2);
export const rwsemRemove3 = scenario('rwsem', 'remove', 3);
export const rwsemSlowRemove = scenario('rwsem', 'remove', 2, 'remove');
export const refcountCreate2 = scenario('refcount', 'create', 2);
export const refcountSlowRemove = scenario('refcount', 'remove', 2, 'remove');
export const srcuCreate2 = scenario('srcu', 'create', 2);
export const srcuSlowRemove = scenario('srcu', 'remove', 2, 'remove');
