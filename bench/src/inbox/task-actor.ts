/** The actor behind the figures of scaling: does so many rounds of work per ask. Loaded by its hosting thread. */
import { ask, defineActor, defineProtocol, int } from '@mediated/core/actor';
import { work } from '../lifecycle/work.js';

export const taskActor = defineActor({
  module: import.meta.url,
  name: 'taskActor',
  protocol: defineProtocol({ work: ask([int], int) }),
  start: () => ({
    handlers: {
      work(rounds) {
        work(rounds);
        return rounds;
      },
    },
  }),
});
