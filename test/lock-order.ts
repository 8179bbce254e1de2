/**
 * Before each test file of every project: has inversions of the lock order written to a file, and fails the test file in which
 * one was found, on whatever thread or in whatever program that it has started, and whoever has caught the error.
 * The checker itself is switched on by MEDIATED_LOCK_DEBUG in `vitest.config.ts`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'mediated-lock-order-'));
const report = join(folder, 'inversions');
writeFileSync(report, '');
process.env.MEDIATED_LOCK_REPORT = report;

afterAll(() => {
  const found = readFileSync(report, 'utf8');
  rmSync(folder, { recursive: true, force: true });
  if (found !== '') throw new Error(`locks were taken in contradictory orders:\n${found}`);
});
