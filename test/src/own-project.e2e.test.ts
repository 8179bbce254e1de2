/** The lines of README.md that make a project of one's own with the packages of the clone, run as they stand there. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outputs, ROOT } from '#dist/pages.js';
import { afterEach, beforeEach, expect, test } from 'vitest';

const readme = readFileSync(new URL('README.md', ROOT), 'utf8');

/** Blocks of a language below a title. */
function blocks(title: string, language: string): string[] {
  const [, section = ''] = readme.split(new RegExp(`^##+ ${title}$`, 'm'));
  const [text] = section.split(/^##+ /m);
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block]) => block);
}

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediated-own-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a block in a folder, without what the tests' own package manager has told. */
function run(block: string, cwd: string) {
  const npm = Object.keys(process.env).filter((name) => /^(npm|pnpm)_/i.test(name));
  const env = { ...process.env, ...Object.fromEntries(npm.map((name) => [name, undefined])), TMPDIR: folder };
  const script = block.replaceAll('/tmp/counting', join(folder, 'counting'));
  return spawnSync('bash', ['-ec', script], { cwd, env, encoding: 'utf8' });
}

test('an empty project with the packed packages compiles and runs the actor of the page', { timeout: 300_000 }, () => {
  const [make, compile] = blocks('A project of your own', 'sh');
  // Built already, by whoever runs the tests.
  const made = run(make.replace(/^npx .* build\n/m, ''), fileURLToPath(ROOT));
  expect(made.status, made.stdout + made.stderr).toBe(0);
  const project = join(folder, 'counting');
  const [counter, asking] = blocks('An actor of your own', 'ts');
  writeFileSync(join(project, 'counter.ts'), counter);
  writeFileSync(join(project, 'asking.ts'), asking);
  const { status, stdout, stderr } = run(compile, project);
  // npx has its own remarks on stderr.
  expect([status, stdout], stderr).toEqual([0, outputs.get('asking')]);
});
