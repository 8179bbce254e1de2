/** An echo actor for tests. */
import { ask, bytes, defineActor, defineProtocol, int, none, number, tell, uint, value } from '@mediated/core/actor';

export const echoProtocol = defineProtocol({
  echo: ask([int], int),
  unsigned: ask([uint, int], uint),
  double: ask([int, number], number),
  bytes: ask([bytes], bytes),
  rich: ask([int, bytes, value<{ text: string }>()], value<{ text: string; length: number }>()),
  memory: ask([], value<SharedArrayBuffer>()),
  fail: ask([value<string>()], none),
  later: ask([int], int),
  release: ask([], none),
  sender: ask([], int),
  note: tell([int]),
  notes: ask([], int),
  exit: ask([int], none),
  never: ask([], none),
});

export const echo = defineActor({
  module: import.meta.url,
  name: 'echo',
  protocol: echoProtocol,
  start(context, options: { failToStart?: boolean } = {}) {
    if (options.failToStart) throw new Error('told not to start');
    let noted = 0;
    let waiting: (() => void)[] = [];
    return {
      handlers: {
        echo: (a) => a,
        unsigned: (a) => a,
        double: (_, b) => b * 2,
        bytes: (data) => data.slice().reverse(),
        rich: (a, data, { text }) => ({ text: text.repeat(a), length: data.length }),
        memory: () => new SharedArrayBuffer(16),
        fail: (text) => {
          throw Object.assign(new Error(text, { cause: new TypeError('the reason') }), { code: 'EBUSY' });
        },
        later: (a) => new Promise<number>((resolve) => waiting.push(() => resolve(a))),
        release: () => {
          for (const go of waiting) go();
          waiting = [];
        },
        sender: () => context.sender,
        note: (a) => {
          noted += a;
        },
        notes: () => noted,
        exit: (code) => process.exit(code),
        never: () => new Promise<void>(() => {}),
      },
    };
  },
});
