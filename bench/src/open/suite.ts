/** Devices that are opened and closed. */
import { atLeast } from '../figures.js';
import type { Suite } from '../suite.js';

export const open: Suite = {
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
  parts: {
    opens: {
      about:
        "Devices opened and closed a second with 256 under way: through a driver's thread, against the very code that this thread runs behind each peer, and called on one thread without any messages.",
      seconds: { start: 2, round: 1.2 },
      load: () => import('./opens.js'),
    },
  },
};
