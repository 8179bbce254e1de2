/** A workbench: an actor that cuts boards to length. Its thread is the system's; what it has done so far is its own. */
import { ask, defineActor, defineProtocol, int, tell } from '@mediated/core/actor';

export const benchProtocol = defineProtocol({
  /** Cuts a board; answers how many this bench has cut. */
  cut: ask([int], int),
  /** The saw jams: the thread dies. */
  jam: tell([]),
});

export const bench = defineActor({
  module: import.meta.url,
  name: 'bench',
  protocol: benchProtocol,
  start() {
    let boards = 0;
    return {
      handlers: {
        cut(length) {
          if (length > 400) throw new RangeError(`no board is ${length} cm long`);
          boards++;
          return boards;
        },
        jam: () => process.exit(1),
      },
    };
  },
});
