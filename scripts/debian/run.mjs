// @ts-check
/**
 * Runs tests that need programs of Debian: `pnpm test:clients`, `test:fleet` and `test:qemu`. The programs are fetched, if they are
 * not there; where they cannot be, the tests that need them are skipped with the reason. Words after the project's name go to
 * vitest: names of files, options.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * By vitest's project: the script that fetches, whose last line is where it has put it; the variables by which tests hear of that
 * place, and of why there is none.
 * @type {Record<string, { script: string, place: string, reason: string }>}
 */
const PROJECTS = {
  clients: { script: 'scripts/clients/fetch.sh', place: 'MEDIATED_CLIENTS', reason: 'MEDIATED_CLIENTS_MISSING' },
  fleet: { script: 'scripts/nats/fetch.sh', place: 'MEDIATED_NATS_SERVER', reason: 'MEDIATED_NATS_MISSING' },
  qemu: { script: 'scripts/qemu/fetch.sh', place: 'MEDIATED_QEMU', reason: 'MEDIATED_QEMU_MISSING' },
};

const root = fileURLToPath(new URL('../..', import.meta.url));
const [project = '', ...words] = process.argv.slice(2);
const known = PROJECTS[project];
if (known === undefined) {
  process.stderr.write(`usage: node scripts/debian/run.mjs ${Object.keys(PROJECTS).join('|')} [words for vitest]\n`);
  process.exit(2);
}

/**
 * Runs the script, and shows what it says while it works.
 * @returns {Promise<Record<string, string>>}
 */
async function fetchPrograms() {
  const { script, place, reason } = known;
  const child = spawn('bash', [script], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said.stderr += text;
    process.stderr.write(text);
  });
  const [status] = await once(child, 'close');
  const last = (/** @type {string} */ text) => text.trim().split('\n').at(-1) ?? '';
  return status === 0 ? { [place]: last(said.stdout) } : { [reason]: `${script}: ${last(said.stderr)}` };
}

const { status } = spawnSync('npx', ['vitest', 'run', '--project', project, ...words], {
  cwd: root,
  env: { ...process.env, ...(await fetchPrograms()) },
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
