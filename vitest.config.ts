import { defineConfig } from 'vitest/config';

const END_TO_END = '**/*.e2e.test.ts';
const CLIENTS = 'test/src/clients/**/*.test.ts';
const FLEET = ['packages/fleet/src/live/**/*.test.ts', 'test/src/fleet/**/*.test.ts'];
const HISTORY = 'test/src/history/**/*.test.ts';
/** They change what other test files in the same process would go by. */
const ALONE = ['packages/core/src/sync/lockdep.test.ts'];
const QEMU = ['packages/vfio-user/src/qemu/**/*.test.ts', 'test/src/qemu/**/*.test.ts'];

/** One project per command: `pnpm test`, `test:e2e`, `test:clients`, `test:fleet`, `test:history`, `test:qemu`. */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // Inversions of the lock order fail the test file in which they are found; threads and programs inherit it.
    env: { MEDIATED_LOCK_DEBUG: '1' },
    setupFiles: ['./test/lock-order.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'test/src/**/*.test.ts', 'bench/src/**/*.test.ts'],
          exclude: [END_TO_END, CLIENTS, ...FLEET, HISTORY, ...QEMU, ...ALONE],
          testTimeout: 30_000,
          // A process per file would spend a fifth of the time importing the same packages again.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'unit alone', include: ALONE, testTimeout: 30_000 } },
      // Whole programs, as users start them, and long replays.
      { extends: true, test: { name: 'e2e', include: [END_TO_END], testTimeout: 120_000 } },
      // Debian's programs on the mounted tree.
      { extends: true, test: { name: 'clients', include: [CLIENTS], testTimeout: 120_000 } },
      // Hosts, clients and NATS servers as processes.
      { extends: true, test: { name: 'fleet', include: FLEET, testTimeout: 120_000, hookTimeout: 60_000 } },
      // Old code next to today's, on threads of its own.
      { extends: true, test: { name: 'history', include: [HISTORY], testTimeout: 120_000 } },
      // Virtual machines.
      { extends: true, test: { name: 'qemu', include: QEMU, testTimeout: 300_000, hookTimeout: 300_000 } },
    ],
  },
});
