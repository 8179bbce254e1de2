/** When colour is shown and when a line may be written over. */
import { columnsOf, isLive, painter } from '#dist/terminal.js';
import { describe, expect, test } from 'vitest';

const terminal = { isTTY: true, write: () => true };
const pipe = { write: () => true };

describe('an output', () => {
  test('shows colour on a terminal', () => {
    expect(painter(terminal, { TERM: 'xterm' })('bad', 'x')).toBe('\x1b[31mx\x1b[39m');
    expect(painter(terminal, { NO_COLOR: '' })('good', 'x')).toBe('\x1b[32mx\x1b[39m');
  });

  test.each([
    ['NO_COLOR is set', terminal, { NO_COLOR: '1' }],
    ['it is no terminal', pipe, { FORCE_COLOR: '1' }],
    ['the terminal is dumb', terminal, { TERM: 'dumb' }],
  ])('shows no colour when %s', (_why, output, environment) => {
    expect(painter(output, environment)('bad', 'x')).toBe('x');
  });

  test('is written over on a terminal only, whatever NO_COLOR says', () => {
    expect(isLive(terminal, { NO_COLOR: '1' })).toBe(true);
    expect(isLive(terminal, { TERM: 'dumb' })).toBe(false);
    expect(isLive(pipe, {})).toBe(false);
  });

  test.each([
    [120, 120],
    [0, 80],
    [undefined, 80],
  ])('of %s columns is taken to have %s', (columns, expected) => {
    expect(columnsOf({ ...terminal, columns })).toBe(expected);
  });
});
