/** What a progress line writes, by an injected clock. */
import { Progress } from '#dist/progress.js';
import { describe, expect, test } from 'vitest';

const CLEAR = '\r\x1b[K';

function setup(terminal: boolean, columns = 20) {
  const written: string[] = [];
  const clock = { time: 0 };
  const output = { isTTY: terminal, columns, write: (text: string) => written.push(text) };
  const progress = new Progress(output, { now: () => clock.time, live: terminal });
  return { written, clock, progress };
}

describe('on a terminal, progress', () => {
  test('writes over its line and clears it at the end', () => {
    const { written, clock, progress } = setup(true);
    progress.update('1 of 2');
    clock.time = 50;
    progress.update('2 of 2');
    progress.end();
    progress.end();
    expect(written).toEqual([`${CLEAR}1 of 2`, `${CLEAR}2 of 2`, CLEAR]);
  });

  test('leaves out what nobody could read', () => {
    const { written, clock, progress } = setup(true);
    for (clock.time = 0; clock.time < 100; clock.time++) progress.update(`${clock.time}`);
    expect(written).toEqual([`${CLEAR}0`, `${CLEAR}50`]);
  });

  test('stays on one line: cut to the columns, line breaks as blanks', () => {
    const { written, progress } = setup(true, 10);
    progress.update('ab\ncdefghijklm');
    expect(written).toEqual([`${CLEAR}ab cdefgh`]);
  });

  test('lets a line that stays pass above it', () => {
    const { written, progress } = setup(true);
    progress.update('half');
    progress.print('a thread died');
    expect(written).toEqual([`${CLEAR}half`, CLEAR, 'a thread died\n', `${CLEAR}half`]);
  });
});

describe('elsewhere, progress', () => {
  test('writes plain lines, one per second at most', () => {
    const { written, clock, progress } = setup(false);
    for (clock.time = 0; clock.time <= 2000; clock.time += 100) progress.update(`at ${clock.time}`);
    expect(written).toEqual(['at 0\n', 'at 1000\n', 'at 2000\n']);
  });

  test('writes at the end what it held back, and nothing twice', () => {
    const { written, clock, progress } = setup(false);
    progress.update('begun');
    clock.time = 10;
    progress.update('done');
    progress.end();
    progress.end();
    expect(written).toEqual(['begun\n', 'done\n']);
  });

  test('writes what it held back when it is said again in time', () => {
    const { written, clock, progress } = setup(false);
    progress.update('begun');
    clock.time = 10;
    progress.update('busy');
    clock.time = 1000;
    progress.update('busy');
    clock.time = 2000;
    progress.update('busy');
    expect(written).toEqual(['begun\n', 'busy\n']);
  });
});
