// @ts-check
/**
 * `pnpm test:clients`: fetches Debian's clients, if they are not there, and runs the tests that use them. Where they cannot be
 * fetched, those that need them are skipped with the reason and the others run. Words name files of tests (`libvirt`), options
 * go to vitest.
 */
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { MEDIATED_CLIENTS, XDG_CACHE_HOME } = process.env;
const cache = MEDIATED_CLIENTS ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mediated-clients');
const install = spawnSync('bash', [join(root, 'scripts/clients/install.sh')], {
  env: { ...process.env, MEDIATED_CLIENTS: cache },
  encoding: 'utf8',
  stdio: ['ignore', 'ignore', 'pipe'],
});
process.stderr.write(install.stderr ?? '');
const missing =
  install.status === 0
    ? ''
    : `Debian's programs could not be fetched: ${(install.stderr ?? '').trim().split('\n').at(-1)}`;
const words = process.argv.slice(2);
const names = words.filter((word) => !word.startsWith('-'));
const files = names.map((name) => `test/src/clients/${name}`);
const options = words.filter((word) => word.startsWith('-'));
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'clients', ...files, ...options], {
  cwd: root,
  env: { ...process.env, MEDIATED_CLIENTS: cache, MEDIATED_CLIENTS_MISSING: missing },
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
