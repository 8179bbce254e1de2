/** The locks, the shared memory, an actor and a runtime, each by its entry. Run by packed.e2e.test.ts in an empty project. */
import { isMainThread } from 'node:worker_threads';
import { ERRNO, Runtime } from '@mediated/core';
import { ActorSystem, ask, defineActor, defineProtocol, int } from '@mediated/core/actor';
import { Arena } from '@mediated/core/memory';
import { LockSpace } from '@mediated/core/sync';

export const doubler = defineActor({
  module: import.meta.url,
  name: 'doubler',
  protocol: defineProtocol({ double: ask([int], int) }),
  start: () => ({ handlers: { double: (n) => 2 * n } }),
});

// The actor's thread loads this file too.
if (isMainThread) {
  const guard = await LockSpace.create().mutex('one').lock();
  guard.release();
  const index = Arena.create({ capacity: 4, slotWords: 16 }).allocate();
  const system = ActorSystem.start();
  const ref = await system.spawn(doubler, undefined);
  const answer: number = await ref.ask('double', 21);
  await system.close();
  await using runtime = Runtime.start();
  console.log(index >= 0, answer, ERRNO.EEXIST, runtime.bus.parents().length);
}
