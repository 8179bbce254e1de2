/** The three gates of the kernel's history. */
import type { Suite } from '../suite.js';

export const gate: Suite = {
  name: 'gate',
  about: 'unregistering a parent while two clients keep creating devices on it',
  figures: {
    'unregister_ms.rwsem': { about: 'milliseconds with the gate as merged' },
    'unregister_ms.refcount': { about: 'milliseconds with the gate of the second posting, which newcomers starve' },
    'unregister_ms.srcu': { about: 'milliseconds with the gate of the first posting' },
  },
  parts: {
    unregister: {
      about:
        'How long unregistering takes with each of the three gates. One that newcomers starve is stopped after a second, and counts as that.',
      seconds: { start: 3, round: 1.2 },
      load: () => import('./unregister.js'),
    },
  },
};
