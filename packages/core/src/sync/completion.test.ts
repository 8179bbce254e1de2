import { type Completion, LockSpace } from '@mediated/core/sync';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Crew, DATA, until } from '../../dist-fixtures/sync/sync-crew.fixture.js';

let crew: Crew;
let space: LockSpace;
let completion: Completion;

beforeEach(() => {
  crew = new Crew();
  space = LockSpace.create({ words: 1024 });
  completion = space.completion();
});

afterEach(async () => {
  await crew.dismiss();
  space.close();
});

test('complete() lets exactly one pass, also one that comes later', async () => {
  expect(completion.done).toBe(false);
  completion.complete();
  completion.complete();
  expect(completion.done).toBe(true);
  await completion.wait();
  expect(completion.tryWait()).toBe(true);
  expect(completion.tryWait()).toBe(false);
});

test('completeAll() lets everybody pass until reset()', async () => {
  const waiting = Promise.all([completion.wait(), completion.wait()]);
  completion.completeAll();
  await waiting;
  await completion.wait();
  completion.complete();
  expect(completion.tryWait()).toBe(true);
  completion.reset();
  expect(completion.done).toBe(false);
});

test('ETIMEDOUT, ECANCELED, EDEADLK on the main thread', async () => {
  await expect(completion.wait({ timeout: 0 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  await expect(completion.wait({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(() => completion.waitSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }));
});

test('each complete() frees one of the blocked and awaiting threads', async () => {
  const members = [
    crew.start('completionWait', { locks: [completion] }),
    crew.start('completionWait', { locks: [completion] }),
  ];
  await until(() => completion.stats().waiting === 2);
  const mine = completion.wait();
  for (let count = 0; count < 3; count++) completion.complete();
  await Promise.all([mine, ...members.map((member) => member.ended)]);
  expect(crew.control[DATA]).toBe(2);
  expect(completion.done).toBe(false);
});

test('a waiter that dies after it was woken has not lost the completion', async () => {
  const dying = crew.start('completionWait', { locks: [completion] });
  await until(() => completion.stats().waiting === 1);
  let passed = false;
  const mine = completion.wait().then(() => {
    passed = true;
  });
  completion.complete();
  await crew.kill(dying);
  await Promise.resolve();
  // It left the completion to the next, or it consumed it before it died (it may not have got as far as saying so).
  if (!passed && !completion.done) completion.complete();
  await mine;
  expect(completion.done).toBe(false);
  expect(completion.stats().waiting).toBe(0);
});
