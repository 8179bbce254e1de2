/** Messages between actors of one thread and of two, and handlers that run one at a time. */
import { type ActorRef, ActorSystem } from '@mediated/core/actor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echo, type echoProtocol } from '../../dist-fixtures/actor/echo.fixture.js';
import { interleavedSteps, relay, type relayProtocol, serialSteps } from '../../dist-fixtures/actor/relay.fixture.js';

describe.each([
  ['on one thread', 'shared', 'shared'],
  ['on two threads', 'one', 'other'],
])('%s', (_, here, there) => {
  let system: ActorSystem;
  let target: ActorRef<NonNullable<(typeof echoProtocol)['types']>>;
  let relaying: ActorRef<NonNullable<(typeof relayProtocol)['types']>>;
  beforeAll(async () => {
    system = ActorSystem.start({ grace: 0 });
    target = await system.spawn(echo, {}, { thread: there });
    relaying = await system.spawn(relay, target.handle, { thread: here });
  });
  afterAll(() => system.close());

  test('asks, replies and errors go through', async () => {
    expect(await Promise.all([1, 2, 3].map((n) => relaying.ask('forward', n)))).toEqual([1, 2, 3]);
    await expect(relaying.ask('forwardFailure')).rejects.toMatchObject({ code: 'EBUSY', cause: { name: 'TypeError' } });
    expect(await relaying.ask('changing', 600)).toEqual(Array.from({ length: 600 }, (_, i) => i & 255));
  });

  test('the sender is the asking thread', async () => {
    expect(await relaying.ask('senderSeen')).toBe(relaying.handle.thread);
  });

  test('an ask is handled after the tells that were sent before it', async () => {
    expect(await target.ask('notes')).toBe(0);
    expect(await relaying.ask('tellThenAsk', 3)).toBe(3);
    expect(await relaying.ask('tellThenAsk', 4)).toBe(7);
  });

  test('a tell whose handler throws harms nobody', async () => {
    expect(await relaying.ask('tellFailing')).toBe(5);
    expect(await relaying.ask('forward', 6)).toBe(6);
  });

  test('time-outs and aborts settle', async () => {
    expect(await relaying.ask('impatient')).toBe('ETIMEDOUT');
    expect(await relaying.ask('aborted')).toBe('ECANCELED');
  });

  test('a thread that hosts actors may not block', async () => {
    expect(await relaying.ask('mayBlock')).toBe('EDEADLK');
  });

  test('an actor that is stopped answers ESHUTDOWN', async () => {
    await system.stop(target);
    await expect(relaying.ask('forward', 1)).rejects.toMatchObject({ code: 'ESHUTDOWN' });
  });
});

test('the death of a thread rejects what another actor asked of it, and is seen there', async () => {
  await using system = ActorSystem.start({ restart: { intensity: 0, period: 1 } });
  const target = await system.spawn(echo, {});
  const watcher = await system.spawn(relay, target.handle);
  const death = watcher.ask('nextDeath');
  const never = watcher.ask('never');
  await target.ask('exit', 0).catch(() => {});
  await expect(never).rejects.toMatchObject({ code: 'EIO' });
  expect(await death).toBe(target.handle.thread);
});

test('after a restart another actor reaches the new incarnation, payloads on the port included', async () => {
  await using system = ActorSystem.start();
  const target = await system.spawn(echo, {});
  const other = await system.spawn(relay, target.handle);
  for (let round = 0; round < 3; round++) {
    expect(await other.ask('changing', 2)).toEqual([0, 1]);
    const restarted = new Promise((resolve) => system.events.once('threadRestart', resolve));
    await target.ask('exit', 0).catch(() => {});
    await restarted;
  }
});

test('a serial actor handles one message at a time, awaits included', async () => {
  await using system = ActorSystem.start();
  const ref = await system.spawn(serialSteps, null);
  await Promise.all([1, 2, 3].map((n) => ref.ask('work', n)));
  expect(await ref.ask('log')).toEqual(['1 begins', '1 ends', '2 begins', '2 ends', '3 begins', '3 ends']);
});

test('other actors interleave where they await', async () => {
  await using system = ActorSystem.start();
  const ref = await system.spawn(interleavedSteps, null);
  await Promise.all([1, 2].map((n) => ref.ask('work', n)));
  expect(await ref.ask('log')).toEqual(['1 begins', '2 begins', '1 ends', '2 ends']);
});
