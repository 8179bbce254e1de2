/** An actor of one's own: the second tour of README.md. Loaded by its thread and by asking.fixture.ts. */
import { ask, defineActor, defineProtocol, int, tell } from '@mediated/core/actor';

export const counterProtocol = defineProtocol({
  /** Adds; answers the sum. */
  add: ask([int], int),
  reset: tell([]),
});

export const counter = defineActor({
  module: import.meta.url,
  name: 'counter',
  protocol: counterProtocol,
  start(_context, options: { first: number }) {
    let sum = options.first;
    return {
      handlers: {
        add: (n) => {
          sum += n;
          return sum;
        },
        reset: () => {
          sum = options.first;
        },
      },
    };
  },
});
