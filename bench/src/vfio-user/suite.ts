/** A served device, from the machine's side of the socket. */
import { atLeast, atMost } from '../figures.js';
import type { Suite } from '../suite.js';

export const vfioUser: Suite = {
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
    accesses: {
      about:
        "Accesses of a machine to a device's register over the socket, one after the other, beside an echo of as many bytes by bare system calls; and many under way.",
      seconds: { start: 2, round: 1 },
      load: () => import('./accesses.js'),
    },
    guestMemory: {
      about: "Bytes a second that the device's thread copies within its own memory, out of the machine's, and into it.",
      seconds: { start: 1, round: 0.1 },
      load: () => import('./guest-memory.js'),
    },
  },
};
