/** Programs whose output cannot be written: nobody reads it any more, or the disk is full. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MAIN, Programs } from '../dist-fixtures/up/programs.fixture.js';

// Each test starts several programs, which takes a while on a machine that has other things to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let programs: Programs;

beforeEach(() => {
  programs = new Programs();
});
afterEach(() => programs.close());

test('mediated up takes everything away when nobody reads what it prints any more', async () => {
  const sockets = join(programs.folder, 'vm');
  const up = await programs.ready('--socket-dir', sockets);
  const closed = once(up.child, 'close');
  up.child.stdout?.destroy();
  // Its uevents are the next that is printed. The answer may come before the end or not.
  await programs.mediated('create', 'mtty', 'mtty-2');
  const [status] = await closed;
  expect(status).toBe(0);
  expect(readdirSync(programs.folder)).not.toContain('vm');
  expect(readdirSync(join(programs.folder, 'mediated'))).toEqual([]);
});

describe('a full disk is told of in one sentence, with 1', () => {
  /** Runs a command line of bash in which $MEDIATED is the program. */
  function bash(script: string) {
    const env = { ...programs.environment, MEDIATED: `${process.execPath} ${MAIN}` };
    const { status, stderr } = spawnSync('bash', ['-c', script], { env, encoding: 'utf8' });
    return { status, stderr };
  }
  const ENDED = { status: 1, stderr: expect.stringMatching(/^mediated: .*ENOSPC: .*\n$/) };

  test('by what prints one text', () => {
    expect(bash('$MEDIATED help >/dev/full')).toEqual(ENDED);
  });

  test('by what goes on until it is told to end', () => {
    expect(bash('$MEDIATED up --no-mount >/dev/full')).toEqual(ENDED);
  });

  test('by what writes a file', async () => {
    const up = await programs.ready();
    const { status, stderr } = bash('$MEDIATED trace /dev/full --for 1');
    expect([status, stderr.split('\n').at(-2)]).toEqual([1, expect.stringMatching(/^mediated: \/dev\/full .*ENOSPC/)]);
    expect(await up.end()).toBe(0);
  });
});
