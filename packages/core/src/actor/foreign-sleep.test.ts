import { expect, test } from 'vitest';
import { ForeignSleep } from '@mediated/core/actor';

function thread() {
  const words = new Int32Array(new SharedArrayBuffer(64 * 256));
  const inbox = { full: false };
  return { words, inbox, sleep: new ForeignSleep(words, 3, () => inbox.full) };
}

test('a thread that sleeps elsewhere is parked from the beginning of its sleep to the end', () => {
  const { words, sleep } = thread();
  expect(Atomics.load(words, sleep.parkedAt)).toBe(0);
  expect(sleep.begin()).toBe(true);
  expect(Atomics.load(words, sleep.parkedAt)).toBe(1);
  sleep.end();
  expect(Atomics.load(words, sleep.parkedAt)).toBe(0);
});

test('it does not fall asleep over a message', () => {
  const { words, inbox, sleep } = thread();
  inbox.full = true;
  expect(sleep.begin()).toBe(false);
  expect(Atomics.load(words, sleep.parkedAt)).toBe(0);
});

test('when it leaves nobody takes it for asleep', () => {
  const { words, sleep } = thread();
  sleep.begin();
  sleep.close();
  expect(Atomics.load(words, sleep.parkedAt)).toBe(0);
});
