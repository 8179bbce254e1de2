/** What a command line is taken for. */
import { parseCommandLine } from '#dist/arguments.js';
import { COMMANDS } from '#dist/commands.js';
import { describe, expect, test } from 'vitest';

describe('a command line', () => {
  test('with a command alone takes every option from its fallback', () => {
    expect(parseCommandLine(['stress'], () => 77)).toEqual({
      command: 'stress',
      options: { seconds: 60, seed: 77, parents: 8, clients: 4, gate: 'rwsem', operations: 0 },
    });
  });

  test('takes values after a blank and after an equals sign, and the last one counts', () => {
    const line = parseCommandLine(['stress', '--clients', '2', '--seed=0', '--clients', '24']);
    expect(line).toMatchObject({ options: { clients: 24, seed: 0 } });
    expect(parseCommandLine(['demo', '--definitions=-odd-'])).toMatchObject({ options: { definitions: '-odd-' } });
  });

  test('draws a seed within its limits, another one every time', () => {
    const seeds = Array.from(
      { length: 8 },
      () => (parseCommandLine(['demo']) as { options: { seed: number } }).options.seed,
    );
    for (const seed of seeds) expect(seed >>> 0).toBe(seed);
    expect(new Set(seeds).size).toBeGreaterThan(1);
  });

  test('takes words in their places and flags among them', () => {
    expect(parseCommandLine(['create', 'mtty', 'mtty-1', 'U', '--instance', 'x'])).toEqual({
      command: 'create',
      options: { parent: 'mtty', type: 'mtty-1', uuid: 'U', instance: 'x' },
    });
    expect(parseCommandLine(['create', 'mtty', 'mtty-1'])).toMatchObject({
      options: { uuid: '', instance: 'default' },
    });
    expect(parseCommandLine(['events', '--json', '--for', '5'])).toMatchObject({
      options: { json: true, properties: false, for: 5 },
    });
    expect(parseCommandLine(['trace', '--', '-odd-'])).toMatchObject({ options: { file: '-odd-' } });
  });

  test.each(['rwsem', 'refcount', 'srcu'])('takes the gate %s', (gate) => {
    expect(parseCommandLine(['stress', '--gate', gate])).toMatchObject({ options: { gate } });
  });

  test.each(Object.keys(COMMANDS))('%s --help tells every option, in 80 columns', (command) => {
    const line = parseCommandLine([command, '--help']) as { help: string };
    for (const status of ['  0  ', '  1  ', '  2  ', '130  ']) expect(line.help).toContain(status);
    for (const option of Object.keys(COMMANDS[command as keyof typeof COMMANDS].options)) {
      expect(line.help).toContain(`--${option} `);
    }
    expect(Math.max(...line.help.split('\n').map((each) => each.length))).toBeLessThanOrEqual(80);
  });

  test('--help names every command', () => {
    const line = parseCommandLine(['--help']) as { help: string };
    for (const command of Object.keys(COMMANDS)) expect(line.help).toContain(command);
    expect(parseCommandLine(['-h'])).toEqual(line);
    expect(parseCommandLine(['help'])).toEqual(line);
    expect(Math.max(...line.help.split('\n').map((each) => each.length))).toBeLessThanOrEqual(80);
  });

  test.each(Object.keys(COMMANDS))('help %s is %s --help', (command) => {
    expect(parseCommandLine(['help', command])).toEqual(parseCommandLine([command, '--help']));
  });

  test('the commands of a fleet are two words', () => {
    const line = parseCommandLine(['fleet', 'create', 'mtty-1', '--count', '20']);
    expect(line).toMatchObject({ command: 'fleet create', options: { type: 'mtty-1', count: 20, policy: 'spread' } });
    expect(parseCommandLine(['help', 'fleet', 'create'])).toEqual(parseCommandLine(['fleet', 'create', '--help']));
  });

  test.each(['fleet --help', 'fleet -h', 'fleet help', 'help fleet'])('%s lists the commands of a fleet', (words) => {
    const { help } = parseCommandLine(words.split(' ')) as { help: string };
    for (const command of ['status', 'create', 'fence']) expect(help).toMatch(new RegExp(`^  ${command} +\\w`, 'm'));
    expect(Math.max(...help.split('\n').map((each) => each.length))).toBeLessThanOrEqual(80);
  });

  test('help of help is the help', () => {
    expect(parseCommandLine(['help', 'help'])).toEqual(parseCommandLine(['--help']));
  });

  test('--version asks for the version', () => {
    expect(parseCommandLine(['--version'])).toEqual({ version: true });
  });

  test.each([
    ['', 'a command is missing'],
    ['fly', 'unknown command fly'],
    ['toString', 'unknown command toString'],
    ['help fly', 'unknown command fly'],
    ['help toString', 'unknown command toString'],
    ['help demo stress', 'mediated help takes one command, not stress too'],
    ['--fast', 'unknown option --fast'],
    ['fleet', 'mediated fleet needs one of: status, types, list, create, remove, fence, events, top'],
    ['fleet fly', 'mediated fleet needs one of'],
    ['fleet statsu', 'unknown command fleet statsu; is it fleet status?'],
    ['help fleet lsit', 'unknown command fleet lsit; is it fleet list?'],
    ['fleet fence', 'mediated fleet fence needs HOST'],
    ['help fleet status x', 'mediated help takes one command, not x too'],
    ['stress --fast', 'unknown option --fast; mediated stress --help lists the options'],
    ['up --no-mont', 'unknown option --no-mont; is it --no-mount?'],
    ['stress --constructor 1', 'unknown option --constructor'],
    ['stress -t 1', 'unknown option -t'],
    ['stress here', 'does not take here'],
    ['stress -- here', 'does not take here'],
    ['stress --gate srcu,rwsem', '--gate must be one of rwsem, refcount, srcu, not srcu,rwsem'],
    ['stress --clients', '--clients needs a value (N)'],
    ['stress --clients=', '--clients needs a value (N)'],
    ['create mtty', 'mediated create needs TYPE'],
    ['remove', 'mediated remove needs UUID'],
    ['create a b c d', 'mediated create does not take d'],
    ['up --json=yes', '--json takes no value'],
    ['up here', 'mediated up does not take here'],
    ['up --for -1', '--for must be a whole number from 0 to 864000, not -1'],
    ['up --for', '--for needs a value (N)'],
    ['demo --definitions --help', '--definitions needs a value (DIR)'],
    ['stress --help=yes', '--help takes no value'],
    ['stress --clients 0', '--clients must be a whole number from 1 to 24, not 0'],
    ['stress --clients 25', 'from 1 to 24, not 25'],
    ['stress --seed -1', '--seed must be a whole number from 0 to 4294967295, not -1'],
    ['stress --seed 4294967296', 'not 4294967296'],
    ['stress --seconds 1.5', 'not 1.5'],
    ['stress --seconds 1e1', 'not 1e1'],
    ['stress --seconds 0x10', 'not 0x10'],
  ])('"%s" is refused in one sentence', (words, sentence) => {
    const line = parseCommandLine(words.split(' ').filter((word) => word !== ''));
    expect(line).toEqual({ refusal: expect.stringContaining(sentence) });
    expect((line as { refusal: string }).refusal).not.toContain('\n');
  });
});
