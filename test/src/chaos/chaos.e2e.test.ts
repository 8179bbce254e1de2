/** A chaos run notices whatever a death leaves behind: each thing that is given back after one is broken on purpose. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/chaos/main.js', import.meta.url));

function chaos(...words: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, '--gate', 'rwsem', ...words], {
    encoding: 'utf8',
    // A run whose own loop hangs has no patience left that could end it; the test's time does not run meanwhile.
    timeout: 240_000,
    killSignal: 'SIGKILL',
  });
  return { status, output: stdout + stderr };
}

test('kills that are recovered from: everything is in order', () => {
  const { status, output } = chaos('--kills', '60', '--seed', '1', '--check', '20');
  expect(output).toMatch(/^\d+ passed, 0 failed$/m);
  expect(status).toBe(0);
});

test.each([
  ['locks', /locks: dead thread \d+ holds or awaits a lock/],
  // A gate that stays entered is met first by a census, by clients, or by an unregistration, which waits for it.
  [
    'bus locks',
    /locks: .* (holds or awaits a lock|wait for rwSemaphore gate)|instances: |budgets: |does not come to rest/,
  ],
  ['uuids', /devices, slots and UUIDs agree: \d+ devices, \d+ slots, \d+ UUIDs|does not come to rest/],
  ['slots', /devices, slots and UUIDs agree: dead thread \d+ has the device slots/],
  ['numbers', /group and device numbers: |no IOMMU group number is free/],
  ['asks', /asks have settled: client \d+ .* does not come to rest/],
  ['ids', /thread ids: \d+ ids are taken|all 64 thread ids/],
  ['files', /does not come to rest|is open \d+ times|asks have settled/],
  ['descriptors', /descriptors: \d+ descriptors, \d+ before/],
])('broken on purpose and noticed: %s', (name, expected) => {
  const { status, output } = chaos('--kills', '300', '--seed', '5', '--check', '15', '--break', name);
  expect(output).toMatch(expected);
  expect(output).toContain('--seed 5 --gate rwsem');
  expect(status).toBe(1);
});

test.each([
  ['--kills', 'none'],
  ['--gate', 'door'],
  ['--break', 'everything'],
])('bad arguments: %s %s', (...words) => {
  expect(chaos(...words).status).toBe(2);
});
