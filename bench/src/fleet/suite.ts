/** Devices over several processes. */
import { atMost } from '../figures.js';
import type { Suite } from '../suite.js';

export const fleet: Suite = {
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
    creates: {
      about:
        'Devices that clients place over three hosts a second, 256 in one call; and how long one create takes, beside a bare request to the same host and its reply.',
      seconds: { start: 5, round: 1 },
      load: () => import('./creates.js'),
    },
    lost: {
      about: 'How long after a host was killed its devices are reported lost. Its lease is 3000 ms.',
      seconds: { start: 2, round: 4.3 },
      load: () => import('./lost.js'),
    },
    status: {
      about:
        'How long a new client takes to know the state of a thousand hosts, and how many bytes it is sent for that.',
      seconds: { start: 15, round: 0.8 },
      load: () => import('./status.js'),
    },
  },
};
