import { defineConfig } from 'vitest/config';

const END_TO_END = '**/*.e2e.test.ts';
const CLIENTS = 'test/src/clients/**/*.test.ts';
const QEMU = 'packages/vfio-user/src/qemu/**/*.test.ts';

/** One project per command: `pnpm test`, `test:e2e`, `test:clients`, `test:qemu`. */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'test/src/**/*.test.ts', 'bench/src/**/*.test.ts'],
          exclude: [END_TO_END, CLIENTS, QEMU],
          testTimeout: 30_000,
        },
      },
      // Whole programs, as users start them, and long replays.
      { extends: true, test: { name: 'e2e', include: [END_TO_END], testTimeout: 120_000 } },
      // Debian's programs on the mounted tree.
      { extends: true, test: { name: 'clients', include: [CLIENTS], testTimeout: 120_000 } },
      // Virtual machines.
      { extends: true, test: { name: 'qemu', include: [QEMU], testTimeout: 300_000 } },
    ],
  },
});
