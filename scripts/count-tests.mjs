// @ts-check
/**
 * `node scripts/count-tests.mjs REPORT STATUS`: prints `PASSED FAILED` from vitest's JSON report, for `.ci/run`.
 * STATUS is vitest's exit status: a run that failed without a failing test (no report, a file that could not be
 * loaded, an unhandled rejection) counts as one failure at least.
 */
import { existsSync, readFileSync } from 'node:fs';

/**
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {{ status: string, assertionResults: unknown[] }[]} testResults
 */

const [path = '', status = '1'] = process.argv.slice(2);
let passed = 0;
let failed = 0;
if (existsSync(path)) {
  const report = /** @type {Report} */ (JSON.parse(readFileSync(path, 'utf8')));
  const unloadable = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  );
  passed = report.numPassedTests;
  failed = report.numFailedTests + unloadable.length;
}
if (status !== '0' && failed === 0) failed = 1;
console.log(`${passed} ${failed}`);
