/** What comes before anything is done. */
import { atMost } from '../figures.js';
import type { Suite } from '../suite.js';

export const start: Suite = {
  name: 'start',
  about: 'importing the core as it is packed, and starting a thread',
  figures: {
    import_cpu_ms: {
      about: "milliseconds of processor time of import('@mediated/core') in a fresh process",
      mark: atMost(30),
    },
    import_vs_node: {
      about: "processor time of import('@mediated/core') in a fresh process, over that of Node's own start",
      mark: atMost(0.75),
    },
    thread_vs_worker: { about: 'time until an actor on a new thread answers, over a bare worker' },
  },
  parts: {
    imports: {
      about:
        'Processor time of an import in a fresh process: the core as users get it, a file per room; as it lies in the workspace; and what an import of nothing takes.',
      seconds: { start: 1.2, round: 0.5 },
      load: () => import('./imports.js'),
    },
    threads: {
      about:
        'How long a new thread takes until an actor on it has answered; beside a bare worker until it has said something.',
      seconds: { start: 0.8, round: 0.2 },
      load: () => import('./threads.js'),
    },
  },
};
