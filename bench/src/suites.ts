/**
 * The suites: their figures, what each is expected to reach, and the parts that measure them. Every part runs in a
 * fresh child process (`harness/part.worker.ts`); the main process only reads the names and marks.
 */
import { atLeast, atMost, type Mark } from './figures.js';
import type { Part } from './harness/part.js';

/** One figure of a suite. */
export interface FigureSpec {
  /** What is compared with what, for the report. */
  readonly about: string;
  readonly mark?: Mark;
}

/** A suite; figures in the order of the report. */
export interface Suite {
  readonly name: string;
  readonly about: string;
  readonly figures: Readonly<Record<string, FigureSpec>>;
  readonly parts: Readonly<Record<string, () => Promise<{ readonly part: Part }>>>;
}

/** All suites, in the order in which they run. */
export const SUITES: readonly Suite[] = [
  {
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
      pipelined: () => import('./inbox/pipelined.js'),
      roundtrip: () => import('./inbox/roundtrip.js'),
      blocking: () => import('./inbox/blocking.js'),
      latency: () => import('./inbox/latency.js'),
      threads: () => import('./inbox/threads.js'),
    },
  },
  {
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
      cycles: () => import('./lifecycle/cycles.js'),
      parallel: () => import('./lifecycle/parallel.js'),
      million: () => import('./lifecycle/million.js'),
      latency: () => import('./lifecycle/latency.js'),
      threads: () => import('./lifecycle/threads.js'),
    },
  },
  {
    name: 'open',
    about: 'opening and closing devices of a real driver, always first open and last close',
    figures: {
      vs_comlink: {
        about: 'opens and closes a second, 256 in flight, over the same device files behind comlink',
        mark: atLeast(15),
      },
      vs_piscina: { about: 'the same, over piscina' },
      vs_workerpool: { about: 'the same, over workerpool' },
      vs_poolifier: { about: 'the same, over poolifier' },
      vs_plain: { about: 'the same, over plain calls on one thread' },
    },
    parts: { opens: () => import('./open/opens.js') },
  },
  {
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
      reads: () => import('./vfio/reads.js'),
      blockingRead: () => import('./vfio/blocking-read.js'),
      latency: () => import('./vfio/latency.js'),
      mappedCopy: () => import('./vfio/mapped-copy.js'),
      hotReset: () => import('./vfio/hot-reset.js'),
    },
  },
  {
    name: 'vfio_user',
    about: 'a served device as a virtual machine uses it, over its socket',
    figures: {
      read_vs_socket_echo: {
        about: 'time of one read of a register, over an echo of as many bytes in bare koffi calls',
        mark: atMost(1.3),
      },
      pipelined_vs_roundtrip: { about: 'reads a second, 64 in flight, over one after the other', mark: atLeast(4) },
      dma_vs_memcpy: {
        about: 'bytes a second that the device copies out of guest memory, over private memory',
        mark: atLeast(0.8),
      },
      dma_write_vs_memcpy: { about: 'the same into guest memory' },
      read_us: { about: 'microseconds of one read of a register' },
      reads_per_second: { about: 'reads of a register a second, 64 in flight' },
      posted_writes_per_second: { about: 'posted writes of a register a second' },
    },
    parts: {
      accesses: () => import('./vfio-user/accesses.js'),
      guestMemory: () => import('./vfio-user/guest-memory.js'),
    },
  },
  {
    name: 'sysfs',
    about: 'the mounted tree as client processes use it: open, read or write, close',
    figures: {
      read_vs_kernel: { about: 'reads of an attribute a second, over one of the kernel', mark: atLeast(0.08) },
      write_vs_kernel: { about: 'refused creates a second, over refused writes of the kernel', mark: atLeast(0.08) },
      create_vs_kernel: { about: 'accepted creates a second, over refused writes of the kernel' },
      'read_vs_kernel.two_clients': { about: 'the same reads of two clients at once' },
      'write_vs_kernel.two_clients': { about: 'the same refused writes of two clients at once' },
      crowd_wrong_answers: {
        about: 'wrong answers to 4096 creates and removes of four processes at once',
        mark: atMost(0),
      },
      list_errors: { about: 'errors of ls -R meanwhile', mark: atMost(0) },
    },
    parts: {
      rates: () => import('./sysfs/rates.js'),
      crowd: () => import('./sysfs/crowd.js'),
    },
  },
  {
    name: 'locks',
    about: 'a mutex over shared words',
    figures: {
      uncontended_vs_cas: { about: 'tryLock and unlock, over a bare compare-exchange and exchange', mark: atMost(3) },
      contended_vs_multithreading: { about: 'takes a second of two threads, over multithreading', mark: atLeast(2) },
      'contended_vs_multithreading.cores': { about: 'the same of a thread per core' },
      'contended_vs_multithreading.most': { about: 'the same of four threads per core' },
    },
    parts: {
      uncontended: () => import('./locks/uncontended.js'),
      contended: () => import('./locks/contended.js'),
    },
  },
  {
    name: 'functions',
    about: 'what one thread calls by itself',
    figures: {
      parse_uuid_vs_buffer: { about: 'time of parsing a UUID, over writing its digits into a Buffer' },
      uuid_lookup_vs_map: { about: 'time of a look-up in the shared UUID table, over a Map of this thread' },
      intern_vs_map: { about: 'time of the number of a known name, over a Map of this thread' },
    },
    parts: { times: () => import('./functions/times.js') },
  },
  {
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
      imports: () => import('./start/imports.js'),
      threads: () => import('./start/threads.js'),
    },
  },
  {
    name: 'fleet',
    about: 'three hosts of a fleet as processes, their clients, and a NATS server on loopback',
    figures: {
      'placed_per_second.1': { about: 'devices that one client places over 3 hosts a second' },
      'placed_per_second.4': { about: 'devices that four clients place over 3 hosts a second' },
      create_vs_roundtrip: { about: 'time of one create, over a bare request and reply of NATS', mark: atMost(3) },
      lost_leases: {
        about: 'time from killing a host to its devices being reported lost, in lease lengths',
        mark: atMost(1.5),
      },
      'status_ms.1000': { about: 'milliseconds until a new client has the status of 1000 hosts' },
      'status_bytes.1000': { about: 'bytes that it is sent for that' },
    },
    parts: {
      creates: () => import('./fleet/creates.js'),
      lost: () => import('./fleet/lost.js'),
      status: () => import('./fleet/status.js'),
    },
  },
  {
    name: 'gate',
    about: 'unregistering a parent while two clients keep creating devices on it',
    figures: {
      'unregister_ms.rwsem': { about: 'milliseconds with the gate as merged' },
      'unregister_ms.refcount': { about: 'milliseconds with the gate of the second posting, which newcomers starve' },
      'unregister_ms.srcu': { about: 'milliseconds with the gate of the first posting' },
    },
    parts: { unregister: () => import('./gate/unregister.js') },
  },
];

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
