/** The lines of README.md that bring a device into a virtual machine, run as they stand there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TITLE = 'In a virtual machine';

const cache =
  process.env.MEDIATED_QEMU ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mediated', 'qemu');
const missing = existsSync(join(cache, 'edition'))
  ? ''
  : (process.env.MEDIATED_QEMU_MISSING ?? `no QEMU in ${cache}: run scripts/qemu/fetch.sh`);

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const section = readme.slice(readme.indexOf(`\n### ${TITLE}\n`) + 1).split(/^##+ /m)[1] ?? '';
/** Blocks of a language in the section. */
const blocks = (language: string) =>
  [...section.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block]) => block ?? '');

let folder = '';
const running: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediated-'));
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    process.kill(-(child.pid as number), 'SIGKILL');
    await gone;
  }
  rmSync(folder, { recursive: true, force: true });
});

/** A shell that runs a block in the root of the repository; the sockets are in a folder of this test. */
function shell(block: string): { readonly child: ChildProcess; readonly text: () => string } {
  const script = block.replaceAll('/tmp/vm', join(folder, 'vm'));
  const child = spawn('bash', ['-ec', script], {
    cwd: ROOT,
    detached: true,
    env: { ...process.env, XDG_RUNTIME_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  return { child, text: () => text };
}

test('the section has fewer than ten lines of shell', () => {
  const lines = blocks('sh').join('').trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.length).toBeLessThan(10);
});

test.skipIf(missing !== '')(`a device in TypeScript is in lspci of a guest${missing && ` (${missing})`}`, async () => {
  const [first, second] = blocks('sh') as [string, string];
  const up = shell(first);
  const ended = once(up.child, 'close');
  while (!up.text().includes('Ctrl-C')) {
    await Promise.race([once(up.child.stdout!, 'data'), ended]);
    expect(up.child.exitCode, up.text()).toBe(null);
  }
  const guest = shell(second);
  const [status] = await once(guest.child, 'close');
  expect(status, guest.text()).toBe(0);
  const printed = guest.text().split(/\r?\n/);
  expect(printed).toEqual(expect.arrayContaining(blocks('text').join('').trimEnd().split('\n')));
  process.kill(-(up.child.pid as number), 'SIGINT');
  await ended;
  expect(up.text()).toContain('1 device removed');
  expect(existsSync(join(folder, 'vm'))).toBe(false);
});
