/** What can be seen of a system from outside: statistics and diagnostics channels. */
import { type Channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ActorSystem } from '@mediated/core/actor';
import { expect, test } from 'vitest';
import { echo } from '../../dist-fixtures/actor/echo.fixture.js';
import { nextEvent } from '../../dist-fixtures/actor/harness.fixture.js';
import { relay } from '../../dist-fixtures/actor/relay.fixture.js';

test('statistics of every attached thread', async () => {
  await using system = ActorSystem.start();
  const ref = await system.spawn(echo, {}, { thread: 'here' });
  const before = system.statistics();
  expect(before.map(({ name }) => name).sort()).toEqual(['here', 'main']);
  for (let i = 0; i < 10; i++) await ref.ask('echo', i);
  const after = system.statistics();
  const difference = (name: string, key: 'handled' | 'sent') => {
    const of = (all: typeof after) => all.find((thread) => thread.name === name)?.[key] ?? Number.NaN;
    return of(after) - of(before);
  };
  expect(difference('main', 'sent')).toBe(10);
  expect(difference('here', 'handled')).toBe(10);
  expect(difference('here', 'sent')).toBe(0);
  expect(after.every(({ parks, spinsPaid, backlogged }) => parks >= 0 && spinsPaid >= 0 && backlogged === 0)).toBe(
    true,
  );
});

test('a restarted thread counts from zero', async () => {
  await using system = ActorSystem.start();
  const ref = await system.spawn(echo, {}, { thread: 'here' });
  for (let i = 0; i < 5; i++) await ref.ask('echo', i);
  const restarted = nextEvent(system, 'threadRestart');
  await ref.ask('exit', 0).catch(() => {});
  await restarted;
  expect(system.endpoint.statistics(ref.handle.thread).handled).toBe(0);
});

test('the life of threads and actors is published', async () => {
  const seen: string[] = [];
  const listeners = ['thread:start', 'thread:stop', 'thread:died', 'thread:restart', 'actor:start', 'actor:stop'].map(
    (name) => {
      const listener = (message: unknown, channel: Channel['name']) => {
        const { name: thread, label } = message as { name: string; label?: string };
        seen.push(`${String(channel).replace('mediated:', '')} ${label ?? thread}`);
      };
      subscribe(`mediated:${name}`, listener);
      return () => unsubscribe(`mediated:${name}`, listener);
    },
  );
  {
    await using system = ActorSystem.start();
    const ref = await system.spawn(echo, {}, { thread: 'here' });
    const restarted = nextEvent(system, 'threadRestart');
    await ref.ask('exit', 0).catch(() => {});
    await restarted;
    await system.stop(ref);
  }
  for (const stop of listeners) stop();
  expect(seen).toEqual([
    'thread:start here',
    'actor:start echo',
    'thread:died here',
    'thread:restart here',
    'actor:stop echo',
    'thread:stop here',
  ]);
});

test('what a tell’s handler throws is published on the actor’s thread', async () => {
  await using system = ActorSystem.start();
  const target = await system.spawn(echo, {}, { thread: 'here' });
  const local = await system.spawn(relay, target.handle, { thread: 'here' });
  target.tell('tellFail', 'from afar');
  await local.ask('tellFailing');
  const main = system.endpoint.thread;
  const here = target.handle.thread;
  expect(await target.ask('tellFailures')).toEqual([
    { thread: here, sender: main, actor: target.handle.actor, message: 'tellFail', text: 'from afar' },
    { thread: here, sender: here, actor: target.handle.actor, message: 'tellFail', text: 'nobody hears' },
  ]);
});
