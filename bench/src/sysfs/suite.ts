/** The mounted tree, beside the kernel's own files. */
import { atLeast, atMost } from '../figures.js';
import type { Suite } from '../suite.js';

export const sysfs: Suite = {
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
    rates: {
      about:
        "Files opened, read or written, and closed a second by client processes: attributes of the mounted tree, and of the kernel's own sysfs.",
      seconds: { start: 4, round: 3.1 },
      load: () => import('./rates.js'),
    },
    crowd: {
      about: 'Devices that four processes create a second by writing to the tree, while a fifth lists all of it. Once.',
      seconds: { start: 5, round: 0 },
      load: () => import('./crowd.js'),
    },
  },
};
