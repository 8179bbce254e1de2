/** An actor for tests that answers, fails, waits, blocks and dies as it is told. */
import { MediatedError } from '#dist/errors.js';
import { subscribe } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers/promises';
import {
  ask,
  boolean,
  bytes,
  defineActor,
  defineProtocol,
  int,
  none,
  number,
  type TellFailure,
  tell,
  uint,
  value,
} from '@mediated/core/actor';

export const echoProtocol = defineProtocol({
  echo: ask([int], int),
  unsigned: ask([uint, int], uint),
  double: ask([int, number], number),
  not: ask([boolean], boolean),
  six: ask([int, int, int, int, int, int], int),
  gap: ask([none, value<string>()], value<string>()),
  bytes: ask([bytes], bytes),
  rich: ask([int, bytes, value<{ text: string }>()], value<{ text: string; length: number }>()),
  memory: ask([], value<SharedArrayBuffer>()),
  fail: ask([value<string>()], none),
  failWith: ask([value<unknown>()], none),
  failLater: ask([], none),
  uncloneable: ask([], value<unknown>()),
  later: ask([int], int),
  release: ask([], none),
  /** Releases once so many `later` wait. */
  releaseAt: ask([int], none),
  /** Answers after some turns of the event loop. */
  slow: ask([int], int),
  /** Ends the thread by an uncaught exception. */
  crash: ask([], none),
  sender: ask([], int),
  note: tell([int]),
  notes: ask([], int),
  tellFail: tell([value<string>()]),
  /** What `mediated:tell:failed` brought on this thread. */
  tellFailures: ask([], value<unknown[]>()),
  /** Sets word 0 to 1 and blocks the thread until word 1 is not 0. */
  block: ask([value<Int32Array>()], none),
  exit: ask([int], none),
  never: ask([], none),
  /** Answers once there has been a `never` since the last answer. */
  neverAsked: ask([], none),
});

export interface EchoOptions {
  /** Word 0 counts the starts. */
  starts?: Int32Array;
  /** With `starts`: starts from this one (0: the first) on fail. */
  failFromStart?: number;
  /** With `starts`: this start ends the thread. */
  exitAtStart?: number;
  /** `stop` adds this letter to the log: word 0 is the length, the letters follow. */
  log?: { words: Int32Array; letter: string };
  failToStop?: boolean;
  neverStop?: boolean;
}

export const echo = defineActor({
  module: import.meta.url,
  name: 'echo',
  protocol: echoProtocol,
  start(context, options: EchoOptions) {
    if (options.starts !== undefined) {
      const start = Atomics.add(options.starts, 0, 1);
      if (start === options.exitAtStart) process.exit(0);
      if (start >= (options.failFromStart ?? 0)) throw new Error('told not to start');
    }
    let noted = 0;
    let nevers = 0;
    let neverAsked = () => {};
    const failures: unknown[] = [];
    subscribe('mediated:tell:failed', (notice) => {
      const { error, ...rest } = notice as TellFailure;
      failures.push({ ...rest, text: (error as Error).message });
    });
    let waiting: (() => void)[] = [];
    let releaseAt: { count: number; resolve: () => void } | undefined;
    const release = () => {
      for (const go of waiting) go();
      waiting = [];
    };
    return {
      handlers: {
        echo: (a) => a,
        unsigned: (a) => a,
        double: (_, b) => b * 2,
        not: (a) => !a,
        six: (...numbers) => numbers.reduce((sum, n) => sum + n, 0),
        gap: (_, text) => text,
        bytes: (data) => data.slice().reverse(),
        rich: (a, data, { text }) => ({ text: text.repeat(a), length: data.length }),
        memory: () => new SharedArrayBuffer(16),
        fail: (text) => {
          throw Object.assign(new Error(text, { cause: new TypeError('the reason') }), { code: 'EBUSY' });
        },
        failWith: (error) => {
          throw error;
        },
        failLater: async () => {
          await null;
          throw new MediatedError('EBUSY', 'later', { syscall: 'failLater' });
        },
        uncloneable: () => () => {},
        later: (a) =>
          new Promise<number>((resolve) => {
            if (waiting.push(() => resolve(a)) !== releaseAt?.count) return;
            release();
            releaseAt.resolve();
          }),
        release,
        releaseAt: (count) =>
          new Promise<void>((resolve) => {
            releaseAt = { count, resolve };
          }),
        slow: async (a) => {
          for (let turn = 0; turn < 3; turn++) await setImmediate();
          return a;
        },
        crash: () => {
          queueMicrotask(() => {
            throw new Error('crashed as told');
          });
          return new Promise<void>(() => {});
        },
        sender: () => context.sender,
        note: (a) => {
          noted += a;
        },
        notes: () => noted,
        tellFailures: () => failures,
        tellFail: (text) => {
          throw new Error(text);
        },
        block: (words) => {
          Atomics.store(words, 0, 1);
          Atomics.notify(words, 0);
          Atomics.wait(words, 1, 0);
        },
        exit: (code) => process.exit(code),
        never: () => {
          nevers++;
          neverAsked();
          return new Promise<void>(() => {});
        },
        neverAsked: () =>
          new Promise<void>((resolve) => {
            neverAsked = () => {
              if (nevers === 0) return;
              nevers = 0;
              resolve();
            };
            neverAsked();
          }),
      },
      stop() {
        if (options.log !== undefined) {
          const { words, letter } = options.log;
          Atomics.store(words, Atomics.add(words, 0, 1) + 1, letter.charCodeAt(0));
        }
        if (options.failToStop) throw new Error('told not to stop');
        return options.neverStop ? new Promise<void>(() => {}) : undefined;
      },
    };
  },
});
