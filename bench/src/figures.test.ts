import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../dist/arguments.js';
import { atLeast, atMost, figuresAsJson, median, meets, ratios, spreadOf } from '../dist/figures.js';
import { Progress } from '../dist/progress.js';
import { formatNumber, reportSuite } from '../dist/report.js';
import { machineName } from '../dist/results.js';

describe('figures', () => {
  it('take the middle of the rounds, whatever their order, and the mean of the two middle ones', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 7])).toBe(6);
    expect(median([10, 9])).toBe(9.5);
    expect(() => median([])).toThrow(RangeError);
  });

  it('keep the lowest and the highest round and leave the readings alone', () => {
    const values = [3, 1, 2];
    expect(spreadOf(values)).toEqual({ median: 2, low: 1, high: 3 });
    expect(values).toEqual([3, 1, 2]);
  });

  it('compare round with round', () => {
    expect(ratios([10, 30], [5, 10])).toEqual([2, 3]);
    expect(() => ratios([1], [1, 2])).toThrow(RangeError);
  });

  it('meet a mark that they equal, and none when they are not a number', () => {
    expect([meets(atLeast(4), 4), meets(atLeast(4), 3.9)]).toEqual([true, false]);
    expect([meets(atMost(1.1), 1.1), meets(atMost(1.1), 1.2)]).toEqual([true, false]);
    expect([meets(atLeast(4), Number.NaN), meets(atMost(4), Number.NaN)]).toEqual([false, false]);
  });

  it('are written as one number per figure and suite', () => {
    const part = (name: string, values: readonly number[]) => ({ figures: { [name]: spreadOf(values) } });
    const parts = [part('unregister_ms.rwsem', [1, 2, 9]), part('other', [4])];
    const text = figuresAsJson([{ suite: 'gate', parts }]);
    expect(JSON.parse(text)).toEqual({ gate: { 'unregister_ms.rwsem': 2, other: 4 } });
    expect(text.endsWith('}\n')).toBe(true);
  });
});

describe('the command line', () => {
  const inbox = { name: 'inbox', about: 'asks', figures: { fast: { about: 'a', mark: atLeast(4) } }, parts: {} };
  const locks = { name: 'locks', about: 'takes', figures: { free: { about: 'b' } }, parts: {} };
  const parse = (...words: string[]) => parseCommandLine(words, [inbox, locks]);

  it('runs every suite unless told otherwise', () => {
    expect(parse()).toMatchObject({ plan: { suites: ['inbox', 'locks'], json: undefined } });
    expect(parse('--only', 'locks', '--json', 'out.json')).toMatchObject({
      plan: { suites: ['locks'], json: 'out.json' },
    });
    expect(parse('--', '--only', 'inbox', '--rounds', '3')).toMatchObject({ plan: { suites: ['inbox'], rounds: 3 } });
  });

  it('keeps what a quick run measures apart, and need not measure at all', () => {
    expect(parse('--quick')).toMatchObject({
      plan: { suites: ['locks'], rounds: 1, results: expect.stringMatching(/quick$/) },
    });
    expect(parse('--quick', '--only', 'inbox', '--results', 'here', '--machine', 'mine-1')).toMatchObject({
      plan: { suites: ['inbox'], results: 'here', machine: 'mine-1', onlyPage: false },
    });
    expect(parse('--page')).toMatchObject({ plan: { onlyPage: true } });
  });

  it.each([
    [['--only', 'nonsense'], /no suite "nonsense"; there are inbox, locks/],
    [['--only'], /--only/],
    [['--fast'], /--fast/],
    [['--json='], /--json needs/],
    [['inbox'], /inbox/],
    [['--rounds', '0'], /from 1 to 1000, not "0"/],
    [['--rounds', 'many'], /not "many"/],
    [['--results='], /--results needs/],
    [['--machine', 'My PC'], /small letters, digits and dashes, not "My PC"/],
  ])('refuses %j in one sentence', (words, sentence) => {
    const line = parse(...words);
    expect(line).toHaveProperty('refusal', expect.stringMatching(sentence));
    expect('refusal' in line && line.refusal).not.toContain('\n');
  });

  it('explains every option, suite, figure and mark, whatever else was asked', () => {
    const line = parse('--only', 'nonsense', '-h');
    const text = 'help' in line ? line.help : '';
    for (const option of ['--only', '--rounds', '--quick', '--json', '--results', '--machine', '--page', '--help'])
      expect(text).toContain(option);
    expect(text).toMatch(/^inbox +asks$/m);
    expect(text).toMatch(/^ {2}fast +>= 4 +a$/m);
    expect(text).toMatch(/^locks +takes$/m);
    expect(text).toMatch(/^ {2}free +b$/m);
  });
});

describe('the report', () => {
  it('prints three digits, and thousands in groups', () => {
    expect([0.012345, 1.1, 43.21, 999.4, 999.6, 2_812_345.6].map(formatNumber)).toEqual([
      '0.0123',
      '1.1',
      '43.2',
      '999',
      '1 000',
      '2 812 346',
    ]);
  });

  it('says of each figure whether its mark is met, missed or was not measured', () => {
    const suite = {
      name: 'inbox',
      about: 'asks',
      figures: {
        fast: { about: 'a', mark: atLeast(4) },
        slow: { about: 'b', mark: atMost(1.1) },
        lost: { about: 'c', mark: atMost(1) },
        free: { about: 'd' },
      },
      parts: {},
    };
    const figure = (values: readonly number[]) => ({ about: '', values, ...spreadOf(values) });
    const figures = { fast: figure([3, 4, 5]), slow: figure([2]), free: figure([7]) };
    const measured = { name: 'part', about: '', figures, readings: [], curves: [], notes: ['so'] };
    const lost = { name: 'other', about: '', figures: {}, readings: [], curves: [], notes: [], failure: 'part' };
    const text = reportSuite(suite, [measured, lost]).join('\n');
    expect(text).toMatch(/^fast +4 +3\.\.5 +>= 4 +met$/m);
    expect(text).toMatch(/^slow +2 +2\.\.2 +<= 1\.1 +missed$/m);
    expect(text).toMatch(/^lost +- +- +<= 1 +not measured$/m);
    expect(text).toMatch(/^free +7 +7\.\.7$/m);
    expect(text).toContain('note: so');
    expect(text).toContain('failed: part');
  });
});

describe('progress', () => {
  const shown = (isTTY: boolean): string[] => {
    const written: string[] = [];
    let now = 0;
    const stream = { isTTY, columns: 60, write: (text: string) => written.push(text) };
    const progress = new Progress(stream, [20, 10], () => now);
    progress.part('inbox pipelined');
    now = 5000;
    progress.round(0, 3);
    now = 40_000;
    progress.part('locks free');
    now = 45_000;
    progress.round(1, 3);
    progress.clear();
    return written;
  };

  it('is one line on a terminal, with the round and the time that is left, at the pace of what is done', () => {
    const lines = shown(true).map((text) => text.replace('\r\u001b[K', ''));
    expect(lines).toEqual([
      '[1/2] inbox pipelined, about 30 s left',
      '[1/2] inbox pipelined: warmed up, about 25 s left',
      '[2/2] locks free, about 20 s left',
      '[2/2] locks free: round 1 of 3, about 15 s left',
      '',
    ]);
  });

  it('is a line per part elsewhere', () => {
    expect(shown(false)).toEqual(['[1/2] inbox pipelined, about 30 s left\n', '[2/2] locks free, about 20 s left\n']);
  });
});

describe('machines', () => {
  it('are called after their processors, in words that a file name can have', () => {
    expect(machineName('Intel(R) Xeon(R) CPU @ 2.20GHz 16 cores')).toBe('intel-xeon-cpu-2-20ghz-16-cores');
  });
});
