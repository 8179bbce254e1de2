/** Asks of an actor, beside its peers. */
import { atLeast, atMost } from '../figures.js';
import type { Suite } from '../suite.js';

export const inbox: Suite = {
  name: 'inbox',
  about: 'asks of an actor on another thread (echo of one integer)',
  figures: {
    pipelined_vs_comlink: { about: 'asks a second, 256 in flight, over comlink', mark: atLeast(30) },
    pipelined_vs_piscina: {
      about: 'asks a second, 256 in flight, over piscina with its default options',
      mark: atLeast(50),
    },
    pipelined_vs_piscina_tuned: { about: 'the same, over piscina in its fastest configuration' },
    pipelined_vs_workerpool: { about: 'asks a second, 256 in flight, over workerpool' },
    pipelined_vs_poolifier: { about: 'asks a second, 256 in flight, over poolifier' },
    pipelined_vs_postMessage: { about: 'asks a second, 256 in flight, over postMessage', mark: atLeast(4) },
    roundtrip_vs_postMessage: { about: 'time of one awaited ask, over postMessage', mark: atMost(1.1) },
    blocking_vs_spin: { about: 'time of a blocking ask, over a bare Atomics ping-pong', mark: atMost(5) },
    p99_vs_postMessage: { about: 'latency of the slowest hundredth at 20 000 asks a second, over postMessage' },
    'tasks_speedup.cores': { about: 'tasks of 20 us a second by an actor per core, over one actor' },
    tasks_vs_piscina: { about: 'tasks of 20 us a second by an actor per core, over piscina with as many threads' },
    tasks_vs_workerpool: { about: 'the same, over workerpool' },
    tasks_vs_poolifier: { about: 'the same, over poolifier' },
  },
  parts: {
    pipelined: {
      about: 'Echoes of one integer a second with 256 under way, asked for by one thread of one other thread.',
      seconds: { start: 8.5, round: 2.9 },
      load: () => import('./pipelined.js'),
    },
    roundtrip: {
      about:
        'One echo after the other, each awaited before the next is asked for: mostly the time that waking a thread takes.',
      seconds: { start: 1, round: 0.4 },
      load: () => import('./roundtrip.js'),
    },
    blocking: {
      about:
        'One echo after the other for a thread that blocks until it has its answer; beside two threads that do nothing but answer each other over two shared words.',
      seconds: { start: 1, round: 0.4 },
      load: () => import('./blocking.js'),
    },
    latency: {
      about: 'How long an echo takes at a given rate.',
      seconds: { start: 8, round: 7 },
      load: () => import('./latency.js'),
    },
    threads: {
      about: 'Tasks of 20 us a second by number of threads.',
      seconds: { start: 6, round: 4 },
      load: () => import('./threads.js'),
    },
  },
};
