/** What users of an open device do. */
import { atLeast, atMost } from '../figures.js';
import type { FigureSpec, Suite } from '../suite.js';

export const vfio: Suite = {
  name: 'vfio',
  about: 'using an open device',
  figures: {
    read_vs_comlink: {
      about: 'reads of a 4-byte register a second, 64 in flight, over the same device behind comlink',
      mark: atLeast(20),
    },
    read_vs_piscina: { about: 'the same, over piscina' },
    read_vs_workerpool: { about: 'the same, over workerpool' },
    read_vs_poolifier: { about: 'the same, over poolifier' },
    blocking_read_vs_spin: {
      about: 'time of a blocking register read, over a bare Atomics ping-pong',
      mark: atMost(6),
    },
    mmap_copy_vs_memcpy: {
      about: 'bytes a second copied out of a mapped region of 16 MiB, over private memory',
      mark: atLeast(0.9),
    },
    read_p99_vs_comlink: {
      about: 'latency of the slowest hundredth at 20 000 reads a second, over the same device behind comlink',
    },
    ...hotResetFigures(),
  },
  parts: {
    reads: {
      about: 'Reads of a register of 4 bytes a second with 64 under way, through a device file and through the peers.',
      seconds: { start: 2.5, round: 1.6 },
      load: () => import('./reads.js'),
    },
    blockingRead: {
      about:
        'One register read after the other for a thread that blocks until it has the bytes; beside two threads that do nothing but answer each other over two shared words.',
      seconds: { start: 1.2, round: 0.6 },
      load: () => import('./blocking-read.js'),
    },
    latency: {
      about: 'How long a register read takes at a given rate.',
      seconds: { start: 5, round: 4 },
      load: () => import('./latency.js'),
    },
    mappedCopy: {
      about: "Bytes a second copied out of a device's region that a client has mapped, and out of memory of its own.",
      seconds: { start: 0.7, round: 0.1 },
      load: () => import('./mapped-copy.js'),
    },
    hotReset: {
      about:
        'How long a PCI hot reset takes by the number of functions behind the bridge and of the threads that have them.',
      seconds: { start: 4, round: 1.5 },
      load: () => import('./hot-reset.js'),
    },
  },
};

/** Microseconds of a hot reset by members and threads, and how it grows from 8 members to 64. */
function hotResetFigures(): Record<string, FigureSpec> {
  const figures: Record<string, FigureSpec> = {};
  for (const threads of [1, 2, 4]) {
    for (const members of [1, 8, 64]) {
      const about = `microseconds of a PCI hot reset of ${members} functions on ${threads} threads`;
      figures[`hot_reset_us.${members}.${threads}`] = { about };
    }
    figures[`hot_reset_growth.${threads}`] = {
      about: `time of 64 functions over eight times that of 8, on ${threads} threads`,
      mark: atMost(1),
    };
  }
  return figures;
}
