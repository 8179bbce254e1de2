// @ts-check
/**
 * `pnpm test:fleet`: fetches nats-server, if it is not there, and runs the tests that use it. Where it cannot be fetched, they are
 * skipped with the reason. Words go to vitest.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const given = process.env.MEDIATED_NATS_SERVER;
const fetched = given
  ? { status: 0, stdout: given, stderr: '' }
  : spawnSync('bash', [fileURLToPath(new URL('fetch.sh', import.meta.url))], { encoding: 'utf8' });
const said = (fetched.stderr ?? '').trim();
if (fetched.status !== 0) process.stderr.write(`${said}\n`);
const environment =
  fetched.status === 0
    ? { MEDIATED_NATS_SERVER: fetched.stdout.trim() }
    : { MEDIATED_NATS_MISSING: `nats-server could not be fetched: ${said.split('\n').at(-1)}` };
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'fleet', ...process.argv.slice(2)], {
  cwd: root,
  env: { ...process.env, ...environment },
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
