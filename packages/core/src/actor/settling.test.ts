/** Every ask settles, whatever happens to the one who should answer. */
import { ActorSystem, MAX_OUTSTANDING } from '@mediated/core/actor';
import { expect, test } from 'vitest';
import { echo } from '../../dist-fixtures/actor/echo.fixture.js';
import { blockThread, nextEvent } from '../../dist-fixtures/actor/harness.fixture.js';
import { RING_SLOTS } from '#dist/actor/segment.js';

const NO_RESTART = { restart: { intensity: 0, period: 1 } };
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'settled',
    (error: { code?: string }) => error.code,
  );

test('by time-out: ETIMEDOUT, and a late reply disturbs nobody', async () => {
  await using system = ActorSystem.start();
  const ref = await system.spawn(echo, {});
  const late = ref.with({ timeout: 1 }).ask('later', 1);
  await expect(late).rejects.toMatchObject({ code: 'ETIMEDOUT', errno: -110, syscall: 'later' });
  const others = [2, 3, 4].map((n) => ref.ask('later', n));
  await ref.ask('release');
  expect(await Promise.all(others)).toEqual([2, 3, 4]);
});

test('a time-out too long for a timer is none', async () => {
  await using system = ActorSystem.start();
  const ref = await system.spawn(echo, {});
  const later = ref.with({ timeout: Number.POSITIVE_INFINITY }).ask('later', 5);
  await ref.ask('release');
  expect(await later).toBe(5);
});

test('by abort, before and during: ECANCELED with the reason as cause', async () => {
  await using system = ActorSystem.start({ grace: 0 });
  const ref = await system.spawn(echo, {});
  const before = ref.with({ signal: AbortSignal.abort('too early') }).ask('echo', 1);
  await expect(before).rejects.toMatchObject({ code: 'ECANCELED', cause: 'too early' });
  const controller = new AbortController();
  const during = ref.with({ signal: controller.signal }).ask('never');
  controller.abort('changed my mind');
  await expect(during).rejects.toMatchObject({ code: 'ECANCELED', cause: 'changed my mind' });
  const after = new AbortController();
  expect(await ref.with({ signal: after.signal, timeout: 100_000 }).ask('echo', 7)).toBe(7);
  after.abort();
});

test('by abort while it waits for room: it is never sent', async () => {
  await using system = ActorSystem.start();
  const ref = await system.spawn(echo, {});
  const { release } = await blockThread((words) => ref.ask('block', words));
  while (ref.tell('note', 0));
  const controller = new AbortController();
  const aborted = code(ref.with({ signal: controller.signal }).ask('echo', 1));
  const kept = ref.ask('echo', 2);
  controller.abort();
  expect(await aborted).toBe('ECANCELED');
  const { sent } = system.endpoint.statistics();
  release();
  expect(await kept).toBe(2);
  expect(system.endpoint.statistics().sent).toBe(sent + 1);
});

test('by the actor being stopped: ESHUTDOWN', async () => {
  await using system = ActorSystem.start();
  const ref = await system.spawn(echo, {}, { thread: 'shared' });
  const other = await system.spawn(echo, {}, { thread: 'shared' });
  await system.stop(ref);
  expect(await code(ref.ask('echo', 1))).toBe('ESHUTDOWN');
  expect(ref.tell('note', 1)).toBe(true);
  await system.stop(ref);
  expect(await other.ask('echo', 2)).toBe(2);
});

test('by the end of the thread: EIO, for asks sent, asks waiting for room and asks that come later', async () => {
  await using system = ActorSystem.start(NO_RESTART);
  const ref = await system.spawn(echo, {});
  const inFlight = Array.from({ length: 10 }, () => code(ref.ask('never')));
  const exit = code(ref.ask('exit', 0));
  const behind = Array.from({ length: RING_SLOTS * 2 }, () => code(ref.ask('echo', 1)));
  expect(await exit).toBe('EIO');
  expect(new Set(await Promise.all([...inFlight, ...behind]))).toEqual(new Set(['EIO']));
  expect(await code(ref.ask('echo', 1))).toBe('EIO');
  expect(() => ref.tell('note', 1)).toThrow(expect.objectContaining({ code: 'EIO' }));
});

test('by the end of a thread that is terminated while it blocks', async () => {
  await using system = ActorSystem.start(NO_RESTART);
  const ref = await system.spawn(echo, {}, { thread: 'victim' });
  const asks: Promise<unknown>[] = [];
  await blockThread((words) => asks.push(code(ref.ask('block', words))));
  for (let i = 0; i < RING_SLOTS * 2; i++) asks.push(code(ref.ask('echo', 1)));
  const { worker } = await system.thread('victim');
  const died = nextEvent(system, 'threadDied');
  await worker.terminate();
  expect(await died).toMatchObject({ name: 'victim', restarting: false });
  expect(new Set(await Promise.all(asks))).toEqual(new Set(['EIO']));
});

test('by an uncaught exception on the actor’s thread: EIO, and the event has the error', async () => {
  await using system = ActorSystem.start(NO_RESTART);
  const ref = await system.spawn(echo, {});
  const died = nextEvent(system, 'threadDied');
  expect(await code(ref.ask('crash'))).toBe('EIO');
  expect((await died).error).toMatchObject({ message: 'crashed as told' });
});

test('what a thread answered before it ended is not lost', async () => {
  await using system = ActorSystem.start(NO_RESTART);
  const ref = await system.spawn(echo, {});
  expect(await Promise.all([ref.ask('echo', 1), ref.ask('echo', 2), code(ref.ask('exit', 0))])).toEqual([1, 2, 'EIO']);
});

test('by the system being closed: EIO for a handler that outlasts the grace period, ECANCELED for later asks', async () => {
  const system = ActorSystem.start({ grace: 0 });
  const ref = await system.spawn(echo, {});
  const never = code(ref.ask('never'));
  await ref.ask('echo', 1);
  await system.close();
  expect(await never).toBe('EIO');
  expect(await code(ref.ask('echo', 1))).toBe('ECANCELED');
  expect(() => ref.tell('note', 1)).toThrow(expect.objectContaining({ code: 'ECANCELED' }));
  await expect(system.spawn(echo, {})).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(() => system.invite()).toThrow(expect.objectContaining({ code: 'ECANCELED' }));
});

test('by its handler, which a graceful close waits for', async () => {
  const system = ActorSystem.start();
  const ref = await system.spawn(echo, {});
  const slow = ref.ask('slow', 9);
  await ref.ask('echo', 1);
  await system.close();
  expect(await slow).toBe(9);
});

test('too many unanswered asks towards one thread: EAGAIN, and room again when they settle', async () => {
  await using system = ActorSystem.start();
  const ref = await system.spawn(echo, {});
  const release = ref.ask('releaseAt', MAX_OUTSTANDING - 1);
  const asks = Array.from({ length: MAX_OUTSTANDING - 1 }, (_, i) => ref.ask('later', i));
  expect(await code(ref.ask('echo', 1))).toBe('EAGAIN');
  await release;
  const replies = await Promise.all(asks);
  expect(replies.every((reply, i) => reply === i)).toBe(true);
  expect(await ref.ask('echo', 1)).toBe(1);
});

test('askSync on the main thread: EDEADLK', async () => {
  await using system = ActorSystem.start();
  const ref = await system.spawn(echo, {});
  expect(() => ref.askSync('echo', 1)).toThrow(expect.objectContaining({ code: 'EDEADLK', syscall: 'askSync' }));
});
