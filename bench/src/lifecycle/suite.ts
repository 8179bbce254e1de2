/** Devices that come and go, beside the same protocol behind other ways to call a thread. */
import { atLeast, atMost } from '../figures.js';
import type { Suite } from '../suite.js';

export const lifecycle: Suite = {
  name: 'lifecycle',
  about: 'creating and removing a device through a real parent and driver',
  figures: {
    vs_comlink: {
      about: 'life cycles a second, 256 in flight, over the same protocol behind comlink',
      mark: atLeast(20),
    },
    vs_piscina: {
      about: 'life cycles a second, 256 in flight, over the same protocol behind piscina with its default options',
      mark: atLeast(40),
    },
    vs_piscina_tuned: { about: 'the same, over piscina in its fastest configuration' },
    vs_workerpool: { about: 'the same, over workerpool' },
    vs_poolifier: { about: 'the same, over poolifier' },
    vs_plain: { about: 'life cycles a second, 256 in flight, over plain calls on one thread', mark: atLeast(0.5) },
    two_parents_speedup: { about: 'two parents on two threads over one, probe of 20 us', mark: atLeast(1.8) },
    one_parent_two_threads_speedup: {
      about: 'one parent on two threads over one thread, probe of 20 us',
      mark: atLeast(1.7),
    },
    flat_1m: { about: 'cost of a create with a million live devices, over that with a thousand', mark: atMost(1.2) },
    shared_bytes_per_device: {
      about: 'shared memory of a bus for 2^20 devices, in bytes per device',
      mark: atMost(256),
    },
    'threads_speedup.cores': { about: 'life cycles a second of a parent per core, probe of 20 us, over one parent' },
    p99_vs_comlink: {
      about:
        'latency of the slowest hundredth at 10 000 creates and removes a second, over the protocol behind comlink',
    },
  },
  parts: {
    cycles: {
      about:
        'Devices created and removed a second with 256 under way: a parent and driver on a thread, against the very code that this thread runs behind each peer, and called on one thread without any messages.',
      seconds: { start: 8, round: 2.9 },
      load: () => import('./cycles.js'),
    },
    parallel: {
      about: 'Devices created and removed a second when a probe takes 20 us: what a second thread brings.',
      seconds: { start: 2.5, round: 1.9 },
      load: () => import('./parallel.js'),
    },
    million: {
      about: 'What one create costs beside a thousand live devices, and beside a million.',
      seconds: { start: 6, round: 0.9 },
      load: () => import('./million.js'),
    },
    latency: {
      about: 'How long a create with its remove takes at a given rate.',
      seconds: { start: 5, round: 4 },
      load: () => import('./latency.js'),
    },
    threads: {
      about: 'Devices created and removed a second by number of threads.',
      seconds: { start: 2, round: 1.3 },
      load: () => import('./threads.js'),
    },
  },
};
