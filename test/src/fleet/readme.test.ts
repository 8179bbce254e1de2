/** The lines of README.md that bring up three hosts and place twenty devices, run as they stand there, on another port. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '#dist/pages.js';
import { expect, test } from 'vitest';
import { freePort, noServer } from '../../../packages/fleet/dist-fixtures/live/nats-server.fixture.js';

const readme = readFileSync(new URL('README.md', ROOT), 'utf8');
const [, lines = ''] = /^## A fleet of hosts\n[\s\S]*?```sh\n([\s\S]*?)```/m.exec(readme) ?? [];

test.skipIf(noServer !== '')(`three hosts and twenty devices in ten lines ${noServer}`, async () => {
  expect(lines.trim().split('\n').length).toBeLessThanOrEqual(10);
  const folder = mkdtempSync(join(tmpdir(), 'mediated-readme-'));
  // Built already, by whoever runs the tests; the folder of the server goes with this test's.
  const script = lines.replace(/^npx .*\n/, '').replaceAll('4222', String(await freePort()));
  const shell = spawn('bash', ['-c', `${script}\nwait`], {
    cwd: fileURLToPath(ROOT),
    env: { ...process.env, XDG_RUNTIME_DIR: folder, TMPDIR: folder, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  try {
    let output = '';
    shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const status = await new Promise((resolve) => shell.once('close', resolve));
    expect(status).toBe(0);
    expect(output.match(/^[0-9a-f-]{36} [abc]$/gm)).toHaveLength(20);
    expect(output).toMatch(/3 living hosts, 0 devices\n[\s\S]*\n3 living hosts, 20 devices\n$/);
    const counts = [...output.matchAll(/^[abc] +live +(\d+)/gm)].slice(3).map(([, count]) => Number(count));
    expect(counts.sort()).toEqual([6, 7, 7]);
  } finally {
    try {
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
    } catch {
      // Everything has ended.
    }
    rmSync(folder, { recursive: true, force: true });
  }
});
