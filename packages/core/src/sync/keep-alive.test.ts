import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** Runs a program in a Node process of its own; it ends by itself or is killed. */
function run(program: string): { status: number | null; stdout: string } {
  const entry = new URL('../../dist/sync/index.js', import.meta.url);
  const code = `import { LockSpace } from ${JSON.stringify(entry.href)}; ${program}`;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout };
}

test('a process lives while it awaits a lock and ends when nothing is awaited', () => {
  const { status, stdout } = run(`
    import { Worker } from 'node:worker_threads';
    const mutex = LockSpace.create().mutex();
    mutex.tryLock();
    mutex.lock().then((guard) => { guard.release(); console.log('got it'); });
    setTimeout(() => mutex.unlock(), 1).unref();
  `);
  expect(stdout).toBe('got it\n');
  expect(status).toBe(0);
});
