// @ts-check
/**
 * `pnpm test:qemu`: fetches QEMU, a kernel and the guest's programs, if they are not there, and runs the tests that use them. Where
 * they cannot be fetched, these are skipped with the reason. Words go to vitest.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fetched = spawnSync('bash', [fileURLToPath(new URL('fetch.sh', import.meta.url))], { encoding: 'utf8' });
const said = (fetched.stderr ?? '').trim();
if (fetched.status !== 0) process.stderr.write(`${said}\n`);
const environment =
  fetched.status === 0
    ? { MEDIATED_QEMU: fetched.stdout.trim() }
    : { MEDIATED_QEMU_MISSING: `QEMU could not be fetched: ${said.split('\n').at(-1)}` };
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'qemu', ...process.argv.slice(2)], {
  cwd: root,
  env: { ...process.env, ...environment },
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
