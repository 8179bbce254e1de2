/** Functions that need no other thread. */
import type { Suite } from '../suite.js';

export const functions: Suite = {
  name: 'functions',
  about: 'what one thread calls by itself',
  figures: {
    parse_uuid_vs_buffer: { about: 'time of parsing a UUID, over writing its digits into a Buffer' },
    uuid_lookup_vs_map: { about: 'time of a look-up in the shared UUID table, over a Map of this thread' },
    intern_vs_map: { about: 'time of the number of a known name, over a Map of this thread' },
  },
  parts: {
    times: {
      about:
        'How long one call takes, by tinybench; after each function what a program without this package would use.',
      seconds: { start: 1.2, round: 0.9 },
      load: () => import('./times.js'),
    },
  },
};
