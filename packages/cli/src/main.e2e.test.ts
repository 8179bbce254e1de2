/** The program as its users start it: what goes to which output, and the exit status. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../examples/definitions', import.meta.url));

let folder = '';

afterEach(() => {
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
  folder = '';
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function mediated(...words: string[]): Ended {
  return run(process.cwd(), ...words);
}

function run(cwd: string, ...words: string[]): Ended {
  return spawnSync(process.execPath, [MAIN, ...words], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Makes a folder of definitions: texts by path. */
function definitions(files: Record<string, string>): string {
  folder = mkdtempSync(join(tmpdir(), 'mediated-demo-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const device = (type: string, attrs: object[] = []) => JSON.stringify({ mdev_type: type, start: 'auto', attrs });

describe('mediated', () => {
  test('--help ends with 0 and says it on stdout', () => {
    const { status, stdout, stderr } = mediated('--help');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^mediated: .*\n/);
  });

  test('--version says which version of the package it is', () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(mediated('--version')).toMatchObject({ status: 0, stdout: `mediated ${version}\n`, stderr: '' });
  });

  test('a wrong command line ends with 2 and one sentence on stderr', () => {
    expect(mediated('fly')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: 'mediated: unknown command fly; mediated --help lists them\n',
    });
  });
});

describe('mediated demo', () => {
  test('creates every example that starts by itself, tells a life, lets a storm rage, without colour in a pipe', () => {
    // From wherever it is started: the examples lie in the package.
    const { status, stdout, stderr } = run(tmpdir(), 'demo', '--seconds', '1', '--seed', '5');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.match(/ auto +created$/gm)).toHaveLength(9);
    expect(stdout.match(/ manual +defined only$/gm)).toHaveLength(1);
    for (const seen of ['4348:3253', 'received "hello"', 'EEXIST (-17)', 'ENODEV (-19)', 'the removal still waits']) {
      expect(stdout).toContain(seen);
    }
    expect(stdout).toMatch(/seed 5, gate rwsem: every invariant held\n$/);
    expect(stdout).not.toContain('\x1b');
    const printed = stdout.split('\n').filter((line) => !line.includes(EXAMPLES));
    expect(Math.max(...printed.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('reports every definition that cannot be used, with file and reason, and goes on with the others', () => {
    const [a, b, c, d, e] = Array.from({ length: 5 }, (_, at) => `${at}a000000-0000-4000-8000-00000000000a`);
    const read = definitions({
      [`mtty0/${a}`]: device('mtty-1'),
      [`mtty0/${b}`]: device('mtty-9'),
      [`mtty1/${a}`]: device('mtty-2'),
      [`mtty1/${c}`]: '{ not JSON',
      [`mtty1/${d}`]: device('mtty-1', [{ 'vendor/sample_mdev_dev': '1' }]),
      [`nowhere/${e}`]: device('mtty-1'),
    });
    const { status, stdout, stderr } = mediated('demo', '--definitions', read, '--seconds', '1');
    expect(status).toBe(0);
    expect(stdout.match(/ auto +created$/gm)).toHaveLength(1);
    const problems = new Map(
      stderr
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(`not used ${read}/`, '').split(': ', 2) as [string, string]),
    );
    expect(problems.size).toBe(5);
    expect(problems.get(`mtty0/${b}`)).toBe('mtty0 has no type mtty-9 (it has');
    expect(problems.get(`mtty1/${a}`)).toMatch(/^its UUID is already defined by /);
    expect(problems.get(`mtty1/${c}`)).toBe('malformed JSON');
    expect(problems.get(`mtty1/${d}`)).toMatch(/^EACCES/);
    expect(problems.get(`nowhere/${e}`)).toMatch(/^there is no parent nowhere/);
  });

  test('without a usable folder ends with 1 and says why', () => {
    const { status, stdout, stderr } = mediated('demo', '--definitions', `${EXAMPLES}/nowhere`);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(new RegExp(`^not used ${EXAMPLES}/nowhere: it does not exist\n`));
  });
});

describe('mediated stress', () => {
  test('ends by itself after its operations, with 0', () => {
    const { status, stdout, stderr } = mediated('stress', '--operations', '500', '--parents', '2', '--clients', '1');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/every invariant held\n$/);
  });

  test('Ctrl-C stops it, with the table so far and 130', async () => {
    const child = spawn(process.execPath, [MAIN, 'stress', '--parents', '2', '--clients', '2'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (!stdout.includes('operations') && (stdout + text).includes('operations')) child.kill('SIGINT');
      stdout += text;
    });
    const [status] = await once(child, 'close');
    expect(status).toBe(130);
    expect(stdout).toMatch(/^operation +done/m);
    expect(stdout).toMatch(/every invariant held\n$/);
  });
});
