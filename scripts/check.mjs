// @ts-check
/**
 * Every check that is not a test: `pnpm check`, and the first half of `.ci/run`.
 * Runs the steps one after the other, prints each step's name and result, the output of those that fail, and as its
 * last line `N passed, N failed`. Ends with 1 when a step failed. `pnpm check types knip` runs only steps whose name
 * begins with one of the words given.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Outcome
 * @property {boolean} passed
 * @property {string} output
 *
 * @typedef {object} Step
 * @property {string} name
 * @property {() => Promise<Outcome>} run
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const environment = {
  ...process.env,
  PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
  NO_COLOR: '1',
};

/**
 * Runs a program at the root of the workspace to its end.
 * @param {string} program
 * @param {string[]} args
 * @param {string} [cwd]
 * @returns {Promise<Outcome>}
 */
function command(program, args, cwd = root) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (/** @type {string} */ text) => {
        output += text;
      });
    }
    child.on('error', (error) => resolve({ passed: false, output: `${program}: ${error.message}` }));
    child.on('close', (code) => resolve({ passed: code === 0, output }));
  });
}

/**
 * A step that is one program.
 * @param {string} name
 * @param {string} program
 * @param {...string} args
 * @returns {Step}
 */
function step(name, program, ...args) {
  return { name, run: () => command(program, args) };
}

/**
 * The packages that are published: those under packages/ that are not private.
 * @returns {Promise<{ name: string, folder: string }[]>}
 */
async function publishedPackages() {
  const found = [];
  for (const entry of await readdir(join(root, 'packages'))) {
    const folder = join(root, 'packages', entry);
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    if (manifest.private !== true) found.push({ name: manifest.name, folder });
  }
  return found;
}

/**
 * Packs a package as `pnpm publish` would and looks at the archive, so that nothing is judged that users do not get.
 * @param {string} folder
 * @param {(archive: string) => Promise<Outcome>} look
 * @returns {Promise<Outcome>}
 */
async function packed(folder, look) {
  const target = await mkdtemp(join(tmpdir(), 'mediated-pack-'));
  try {
    const packing = await command('npx', ['-y', 'pnpm@12', 'pack', '--pack-destination', target], folder);
    if (!packing.passed) return packing;
    const archive = (await readdir(target)).find((file) => file.endsWith('.tgz'));
    if (archive === undefined) return { passed: false, output: `no archive in ${target}\n${packing.output}` };
    return await look(join(target, archive));
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

/** @type {Step[]} */
const steps = [
  step('types', 'tsc', '-b'),
  step('types of tests', 'tsc', '-p', 'tsconfig.tests.json'),
  step(
    'lint',
    'biome',
    'lint',
    '--skip=suspicious/noImportCycles',
    '--skip=style/noRestrictedImports',
    '--error-on-warnings',
    '--max-diagnostics=100',
    '.',
  ),
  step('format', 'biome', 'format', '--max-diagnostics=100', '.'),
  step(
    'imports: direction and cycles',
    'biome',
    'lint',
    '--only=suspicious/noImportCycles',
    '--only=style/noRestrictedImports',
    '--max-diagnostics=100',
    '.',
  ),
  step('invariants: each is named by a test', process.execPath, 'scripts/invariants.mjs'),
  step('knip: unused files, exports, dependencies', 'knip', '--no-config-hints'),
  step('api: what the packages export is what api/reports says', process.execPath, 'api/report.mjs', '--check'),
  step('api: the reference is made without warnings', process.execPath, 'api/reference.mjs'),
];
for (const { name, folder } of await publishedPackages()) {
  steps.push({
    name: `publint ${name}`,
    run: () => packed(folder, (archive) => command('publint', ['--strict', archive])),
  });
  steps.push({
    name: `attw ${name}`,
    run: () => packed(folder, (archive) => command('attw', ['--profile', 'esm-only', '--no-emoji', archive])),
  });
}

const wanted = process.argv.slice(2);
let passed = 0;
let failed = 0;
for (const { name, run } of steps) {
  if (wanted.length > 0 && !wanted.some((word) => name.startsWith(word))) continue;
  const start = performance.now();
  const outcome = await run();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (outcome.passed) passed++;
  else failed++;
  console.log(`${outcome.passed ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (!outcome.passed) console.log(outcome.output.trimEnd().replaceAll(/^/gm, '       '));
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
