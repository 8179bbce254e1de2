/** The examples that are programs run, and print what examples/README.md says. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ROOT } from '#dist/pages.js';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const page = readFileSync(new URL('examples/README.md', ROOT), 'utf8');
const said = [...page.matchAll(/^<!-- what (\S+) prints -->\n```text\n([\s\S]*?)^```/gm)];

test.each(said.map(([, name, text]) => ({ name, text })))('$name prints what its page says', async ({ name, text }) => {
  const program = fileURLToPath(new URL(`examples/${name}/dist/main.js`, ROOT));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program]);
  expect([stdout, stderr]).toEqual([text, '']);
});

test('the configuration of four cards creates every device that is defined beside it', async () => {
  const program = fileURLToPath(new URL('packages/cli/dist/main.js', ROOT));
  const configuration = fileURLToPath(new URL('examples/four-cards.json', ROOT));
  const folder = mkdtempSync(join(tmpdir(), 'mediated-cards-'));
  const words = ['up', '--no-mount', '--for', '1', '--json', '--config', configuration];
  try {
    const env = { ...process.env, XDG_RUNTIME_DIR: folder };
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...words], { env });
    expect(stdout).toMatch(/"event":"defined".*"created":9,"problems":0/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each(['mdevctl.yml', 'libvirt.yml'])('the steps of %s are scripts of bash', (file) => {
  const workflow = parse(readFileSync(new URL(`examples/ci/${file}`, ROOT), 'utf8'));
  const scripts = workflow.jobs.test.steps.flatMap(({ run }: { run?: string }) => run ?? []);
  expect(scripts.length).toBeGreaterThan(2);
  for (const input of scripts) {
    const { status, stderr } = spawnSync('bash', ['-n'], { input, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  }
});
