/** The program as its users start it: what goes to which output, and the exit status. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../../examples/definitions', import.meta.url));

function mediated(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('mediated', () => {
  test('--help ends with 0 and says it on stdout', () => {
    const { status, stdout, stderr } = mediated('--help');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^mediated: .*\n/);
  });

  test('a wrong command line ends with 2 and one sentence on stderr', () => {
    expect(mediated('fly')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: 'mediated: unknown command fly; mediated --help lists them\n',
    });
  });

  test('demo shows every example, none refused, without colour in a pipe', () => {
    const { status, stdout, stderr } = mediated('demo', '--definitions', EXAMPLES);
    expect([status, stderr]).toEqual([0, '']);
    const rows = stdout.trimEnd().split('\n').slice(2);
    expect(rows).toHaveLength(10);
    expect(new Set(rows.map((row) => row.split(/ +/)[0]))).toEqual(new Set(['mtty0', 'mtty1', 'mtty2', 'mtty3']));
    expect(stdout).not.toContain('\x1b');
  });

  test('demo without a usable folder ends with 1 and says why', () => {
    const { status, stdout, stderr } = mediated('demo', '--definitions', `${EXAMPLES}/nowhere`);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toBe(`not used ${EXAMPLES}/nowhere: it does not exist\n`);
  });
});
