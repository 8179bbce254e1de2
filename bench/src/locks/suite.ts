/** A mutex, alone and wanted by many. */
import { atLeast, atMost } from '../figures.js';
import type { Suite } from '../suite.js';

export const locks: Suite = {
  name: 'locks',
  about: 'a mutex over shared words',
  figures: {
    uncontended_vs_cas: { about: 'tryLock and unlock, over a bare compare-exchange and exchange', mark: atMost(3) },
    contended_vs_multithreading: { about: 'takes a second of two threads, over multithreading', mark: atLeast(2) },
    'contended_vs_multithreading.cores': { about: 'the same of a thread per core' },
    'contended_vs_multithreading.most': { about: 'the same of four threads per core' },
  },
  parts: {
    uncontended: {
      about: 'A mutex that nobody else wants, taken and given back; beside the two atomic operations that this needs.',
      seconds: { start: 0.6, round: 0.2 },
      load: () => import('./uncontended.js'),
    },
    contended: {
      about: 'Takes a second of threads that all want the same mutex all the time.',
      seconds: { start: 2.5, round: 1.3 },
      load: () => import('./contended.js'),
    },
  },
};
