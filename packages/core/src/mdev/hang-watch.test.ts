/** The watch over asks that driver threads do not answer, on a clock of the test's own. */
import { MediatedError } from '@mediated/core';
import { beforeEach, expect, test } from 'vitest';
import { type HangActions, HangWatch } from '#dist/mdev/hang-watch.js';

/** Lets everything run that waits for nothing but promises. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

let now: number;
let timers: { at: number; callback: () => void }[];
let done: string[];
let answer: { resolve(): void; reject(error: unknown): void };
const actions: HangActions = {
  ping: (thread) => {
    done.push(`ping ${thread}`);
    return new Promise((resolve, reject) => {
      answer = { resolve, reject };
    });
  },
  terminate: (thread) => done.push(`terminate ${thread}`),
  after(milliseconds, callback) {
    const timer = { at: now + milliseconds, callback };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  },
  now: () => now,
};

beforeEach(() => {
  now = 0;
  timers = [];
  done = [];
});

async function advance(to: number): Promise<void> {
  now = to;
  for (const timer of timers.filter(({ at }) => at <= to)) {
    timers = timers.filter((other) => other !== timer);
    timer.callback();
  }
  await settle();
}

function ask(): { promise: Promise<void>; resolve(): void; reject(error: unknown): void } {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const timeOut = () => new MediatedError('ETIMEDOUT', 'no reply');

test('an ask that is answered in time leaves no timer behind', async () => {
  const watch = new HangWatch(100, actions);
  const { promise, resolve } = ask();
  watch.watch(3, promise);
  expect(timers).toHaveLength(1);
  resolve();
  await settle();
  expect(timers).toEqual([]);
  await advance(1000);
  expect(done).toEqual([]);
});

test('an unanswered ask makes it ping, an unanswered ping ends the thread', async () => {
  const watch = new HangWatch(100, actions);
  const { promise, reject } = ask();
  watch.watch(3, promise);
  await advance(99);
  expect(done).toEqual([]);
  await advance(100);
  expect(done).toEqual(['ping 3']);
  answer.reject(timeOut());
  await settle();
  expect(done).toEqual(['ping 3', 'terminate 3']);
  reject(new MediatedError('EIO', 'the thread has ended'));
  await settle();
  expect(timers).toEqual([]);
});

test('a thread that answers pings is left alone, and asked again as long as something is unanswered', async () => {
  const watch = new HangWatch(100, actions);
  const { promise, resolve } = ask();
  watch.watch(3, promise);
  await advance(100);
  answer.resolve();
  await settle();
  await advance(200);
  answer.resolve();
  await settle();
  expect(done).toEqual(['ping 3', 'ping 3']);
  resolve();
  await settle();
  expect(timers).toEqual([]);
});

test('the oldest unanswered ask counts', async () => {
  const watch = new HangWatch(100, actions);
  const [first, second] = [ask(), ask()];
  watch.watch(3, first.promise);
  now = 60;
  watch.watch(3, second.promise);
  first.resolve();
  await settle();
  await advance(100);
  expect(done).toEqual([]);
  await advance(160);
  expect(done).toEqual(['ping 3']);
});

test('an ask whose caller gave up counts until a ping is answered', async () => {
  const watch = new HangWatch(100, actions);
  const { promise, reject } = ask();
  watch.watch(3, promise);
  reject(timeOut());
  await settle();
  await advance(100);
  expect(done).toEqual(['ping 3']);
  answer.resolve();
  await settle();
  expect(timers).toEqual([]);
});

test('a ping that fails because the thread has ended ends nothing', async () => {
  const watch = new HangWatch(100, actions);
  const { promise, reject } = ask();
  watch.watch(3, promise);
  await advance(100);
  answer.reject(new MediatedError('EIO', 'the thread has ended'));
  reject(new MediatedError('EIO', 'the thread has ended'));
  await settle();
  expect(done).toEqual(['ping 3']);
  expect(timers).toEqual([]);
});

test('threads are watched apart; closing forgets them', async () => {
  const watch = new HangWatch(100, actions);
  watch.watch(3, ask().promise);
  watch.watch(4, ask().promise);
  expect(timers).toHaveLength(2);
  watch.close();
  expect(timers).toEqual([]);
});
